"""YAML text to values, and from the path of a value's keys to its place.

A value knows no lines, but the nodes that it is made of do: they are kept beside it, so that a
place costs a walk down its path and no second parse.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import yaml

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic, error_of
from headwater.base.errors import Invalid
from headwater.base.spans import Span, span_at


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads dates as text: YAML's date objects have no JSON and print differently."""


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
        root: The node of its value, with marks; None for an empty file.
    """

    file: str
    text: str
    content: Json
    root: yaml.Node | None = field(default=None, repr=False, compare=False)

    def span(self, *path: str | int) -> Span:
        """Return the place of a key, following names and positions; the nearest known otherwise."""
        return _locate(self.file, self.root, path)


def read_yaml(file: str, text: str) -> YamlFile | Diagnostic:
    """Read YAML text, or say what is wrong with it."""
    try:
        root, content = _load(text)
    except yaml.YAMLError as error:
        return _malformed(file, text, error)
    except RecursionError:
        return Diagnostic(
            code="yaml-malformed",
            severity="error",
            what="not valid YAML: it is nested deeper than can be read",
            where=Span(file=file),
        )
    return YamlFile(file=file, text=text, content=content, root=root)


def _load(text: str) -> tuple[yaml.Node | None, Json]:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return root, None if root is None else cast("Json", loader.construct_document(root))
    finally:
        loader.dispose()


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
        raise Invalid("setting-invalid", f"`{file}` is not a mapping of names to values")
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


def _locate(file: str, node: yaml.Node | None, path: Sequence[str | int]) -> Span:
    """Find the place of a path of keys and positions below a node."""
    mark = node.start_mark if node is not None else None
    length = 0
    for key in path:
        found = _child(node, key)
        if found is None:
            break
        mark_node, node = found
        mark = mark_node.start_mark
        is_word = isinstance(mark_node, yaml.ScalarNode) and mark_node.end_mark.line == mark.line
        length = mark_node.end_mark.column - mark.column if is_word else 0
    if mark is None:
        return Span(file=file)
    column = mark.column + 1
    end = column + length if length else None
    return Span(file=file, line=mark.line + 1, column=column, end_column=end)


def _child(node: yaml.Node | None, key: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key], node.value[key]
    return None
