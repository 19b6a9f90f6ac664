"""YAML text to values, and from the path of a value's keys to its place.

A value knows no lines, so where each of its keys stands is kept beside it: a place costs a walk
down its path and no second parse. Both outlive the command, because reading YAML takes longer than
anything else that is done with it.
"""

import hashlib
import marshal
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import yaml

from headwater.base.cache import Cache, NoCache, cache_key
from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic, error_of
from headwater.base.errors import Invalid
from headwater.base.spans import Span, span_at

_MERGE = "tag:yaml.org,2002:merge"
_ALIAS = re.compile(r"\*\w")
VALUES_MAX = 1_000_000
"""More values than a file may come to when its aliases are written out."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads dates as text: YAML's date objects have no JSON and print differently.

    Attributes:
        repeated: Keys that a mapping has twice, of which YAML keeps the last.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeated: list[yaml.Node] = []

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """Make a mapping, and remember keys that are written twice in it."""
        written = [key for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
        result: dict[Hashable, object] = super().construct_mapping(node, deep=deep)
        if len(result) < len(written):
            seen: set[str] = set()
            for key in written:
                if key.value in seen and key.tag != _MERGE:
                    self.repeated.append(key)
                seen.add(str(key.value))
        return result


def _set(loader: _Loader, node: yaml.Node) -> list[Hashable]:
    """Read a set as the list that JSON would make of it, in the order in which it is written."""
    return list(loader.construct_mapping(node))


_Loader.add_constructor("tag:yaml.org,2002:set", _set)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlFile:
    """A YAML file that was read.

    Attributes:
        file: Path relative to the root project.
        text: Its text.
        content: Its value; None for an empty file.
        places: Where it stands, and all that is in it; None for an empty file.
        repeated: Warnings of keys that one mapping has twice.
    """

    file: str
    text: str
    content: Json
    places: tuple[int, int, int, Any] | None = field(default=None, repr=False, compare=False)
    repeated: tuple[Diagnostic, ...] = ()

    def span(self, *path: str | int) -> Span:
        """Return the place of a key, following names and positions; the nearest known otherwise."""
        return _locate(self.file, self.places, path)


# Of a value: line and column from 0, the length of one that is a word on one line (else 0), and
# what is in it: of a mapping by key the place of the key, with what is in its value; of a list the
# places of its items. Plain tuples, which marshal reads fastest.
_Place = tuple[int, int, int, Any]
_Inner = dict[str, _Place] | tuple[_Place, ...] | None


def read_yaml(file: str, text: str, kept: Cache | None = None) -> YamlFile | Diagnostic:
    """Read YAML text, or say what is wrong with it.

    Args:
        file: Path relative to the root project, for places.
        text: The text.
        kept: Where what was read without a fault outlives this process.
    """
    cache = kept or NoCache()
    key = cache_key(_reader_tag(), [text.encode("utf-8", "surrogatepass")])
    known = cache.find_or_none(key)
    if known is not None:
        content, places = marshal.loads(known)  # noqa: S302 - only what we wrote
        return YamlFile(file=file, text=text, content=content, places=places)
    loaded = _read(file, text)
    if isinstance(loaded, YamlFile) and not loaded.repeated:
        cache.keep(key, marshal.dumps((loaded.content, loaded.places)))
    return loaded


@lru_cache(maxsize=1)
def _reader_tag() -> str:
    """Identify what reads: PyYAML, and this file."""
    ours = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return f"yaml {yaml.__version__} {ours[:16]}"


def _read(file: str, text: str) -> YamlFile | Diagnostic:
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        problem = _check_aliases(root) if _ALIAS.search(text) else ""
        if problem:
            return _refused(file, problem)
        content = None if root is None else cast("Json", loader.construct_document(root))
        places = None if root is None else _place(root, {})
    except yaml.YAMLError as error:
        return _malformed(file, text, error)
    except RecursionError:
        return _refused(file, "it is nested deeper than can be read")
    except ValueError as error:  # a number or date that Python has no value for
        return _refused(file, str(error))
    finally:
        if loader is not None:
            loader.dispose()
    repeated = tuple(_repeated(file, key) for key in loader.repeated)
    return YamlFile(file=file, text=text, content=content, places=places, repeated=repeated)


def _check_aliases(root: yaml.Node | None) -> str:
    """Say why a document's aliases cannot be written out; nothing when they can.

    A dozen lines of aliases of aliases come to more values than a machine holds, and an alias
    inside of its own anchor to infinitely many.
    """
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        place = id(node)
        if place in open_nodes:
            message = "an alias stands inside of its own anchor"
            raise ValueError(message)
        if place not in sizes:
            open_nodes.add(place)
            parts = node.value if isinstance(node, yaml.CollectionNode) else ()
            flat = [
                item for part in parts for item in (part if isinstance(part, tuple) else [part])
            ]
            sizes[place] = 1 + sum(size(part) for part in flat)
            open_nodes.discard(place)
        return sizes[place]

    if root is not None and size(root) > VALUES_MAX:
        return f"its aliases come to more than {VALUES_MAX:,} values"
    return ""


def _refused(file: str, problem: str) -> Diagnostic:
    return Diagnostic(
        code="yaml-malformed",
        severity="error",
        what=f"not valid YAML: {problem}",
        fix="Write it flatter, without anchors that hold themselves",
        where=Span(file=file),
    )


def _repeated(file: str, key: yaml.Node) -> Diagnostic:
    where = _locate(file, _place(key, {}), ())
    return Diagnostic(
        code="yaml-key-repeated",
        severity="warning",
        what=f"the key `{key.value}` is written twice in one mapping; the last one counts",
        fix="Put what both say below one of them, and remove the other",
        where=where,
    )


def read_mapping(file: str, text: str | None) -> Mapping[str, Json]:
    """Read YAML that must be a mapping; no text and an empty one are an empty mapping.

    Raises:
        Invalid: ``yaml-malformed`` or ``setting-invalid``.
    """
    loaded = read_yaml(file, text or "")
    if isinstance(loaded, Diagnostic):
        raise error_of(loaded)
    if loaded.content is None:
        return {}
    if not isinstance(loaded.content, Mapping):
        raise Invalid(
            "setting-invalid",
            f"`{file}` is not a mapping of names to values",
            fix="write it as `name: value`, one a line",
        )
    return loaded.content


def write_yaml(content: Json) -> str:
    """Write a value as YAML text, keys sorted."""
    text: str = yaml.safe_dump(content, sort_keys=True)
    return text


_TAB = re.compile(r"^[ ]*\t", re.MULTILINE)


def _malformed(file: str, text: str, error: yaml.YAMLError) -> Diagnostic:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    where = Span(file=file)
    if mark is not None:
        where = Span(file=file, line=mark.line + 1, column=mark.column + 1)
    elif isinstance(error, yaml.reader.ReaderError):
        # The fast reader counts bytes, so the character is looked for.
        offset = max(0, text.find(chr(error.character)))
        where = span_at(file, text, offset, 1)
        problem = f"the character U+{error.character:04X} is not allowed"
    if problem == "but found another document":
        problem = "a second document begins here, and one is read"
    tab = _TAB.search(text)
    fix = "Check the indentation, colons and quotes on this line and the one above"
    if tab is not None and ("tab" in problem or "\\t" in problem or "token" in problem):
        where = span_at(file, text, tab.end() - 1, 1)
        problem = "a tab where YAML wants spaces"
        fix = "Replace tabs at the start of lines with spaces"
    return Diagnostic(
        code="yaml-malformed",
        severity="error",
        what=f"not valid YAML: {problem}",
        fix=fix,
        where=where,
    )


def _place(node: yaml.Node, known: dict[int, _Place]) -> _Place:
    """Return where a node stands, and all below it; what an alias repeats is made once."""
    found = known.get(id(node))
    if found is None:
        found = known[id(node)] = (*_mark(node), _inner(node, known))
    return found


def _inner(node: yaml.Node, known: dict[int, _Place]) -> _Inner:
    if isinstance(node, yaml.MappingNode):
        inner: dict[str, _Place] = {}
        for key, value in node.value:
            if key.value.__class__ is str:
                is_plain = value.__class__ is yaml.ScalarNode
                below = None if is_plain else _place(value, known)[3]
                inner.setdefault(key.value, (*_mark(key), below))
        return inner
    if isinstance(node, yaml.SequenceNode):
        return tuple([_place(item, known) for item in node.value])
    return None


def _mark(node: yaml.Node) -> tuple[int, int, int]:
    start, end = node.start_mark, node.end_mark
    is_word = node.__class__ is yaml.ScalarNode and end.line == start.line
    return start.line, start.column, end.column - start.column if is_word else 0


def _locate(file: str, place: _Place | None, path: Sequence[str | int]) -> Span:
    """Find the place of a path of keys and positions below a value."""
    if place is None:
        return Span(file=file)
    line, column, _, inner = place
    length = 0
    for key in path:
        found = _child(inner, key)
        if found is None:
            break
        line, column, length, inner = found
    end = column + 1 + length if length else None
    return Span(file=file, line=line + 1, column=column + 1, end_column=end)


def _child(inner: _Inner, key: str | int) -> _Place | None:
    if isinstance(inner, dict):
        return inner.get(str(key))
    if isinstance(inner, tuple) and isinstance(key, int) and key < len(inner):
        return inner[key]
    return None
