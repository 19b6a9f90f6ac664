"""Selection methods: does a node fit ``method:value``? One small function a method."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import get_args

from headwater.base.codec import Json
from headwater.base.errors import Invalid
from headwater.graph.graph import Graph
from headwater.graph.past import Past
from headwater.graph.resolve import is_latest_version
from headwater.project.node import Node, ResourceType, is_older_version

Matcher = Callable[[Node], bool]
GLOB = frozenset("*?[")
WITHOUT_CONFIG = frozenset({"exposure", "metric", "semantic_model", "saved_query", "unit_test"})
"""Types that `config.x:` never matches, as in dbt."""


def make_matcher(graph: Graph, method: str, value: str, past: Past) -> Matcher:
    """Return the test for ``method:value``.

    Args:
        graph: For methods that compare a node with its siblings.
        method: Name with its arguments after dots; empty to guess from the value, as dbt does.
        value: What is looked for.
        past: For methods that compare with earlier commands.

    Raises:
        Invalid: There is no such method (``selector-invalid``), the value does not suit it, or
            what it compares with is not there (``selector-no-past``).
    """
    name, _, arguments = (method or _default_method(value)).partition(".")
    if name == "package" and value == "this":
        value = graph.project
    if name == "config":
        return partial(_config, tuple(arguments.split(".")), value)
    if name == "version":
        return _version(graph, value)
    if name == "result":
        return _result(past, value)
    if name == "state":
        return _state(past, value)
    if name == "source_status":
        return _source_status(past, value)
    make = _METHODS.get(name)
    if make is None:
        known = ", ".join(
            sorted([*_METHODS, "config", "result", "source_status", "state", "version"])
        )
        raise _invalid(f"{name}:{value}", f"`{name}` is no selection method; there are {known}")
    return make(value)


def _default_method(value: str) -> str:
    if "/" in value:
        return "path"
    return "file" if value.lower().endswith((".sql", ".py", ".csv")) else "fqn"


def _fqn(value: str) -> Matcher:
    def matches(node: Node) -> bool:
        if node.resource_type == "source":
            return False
        is_versioned = node.version is not None
        return any(_names(fqn, value, is_versioned) for fqn in (node.fqn, node.fqn[1:]) if fqn)

    return matches


def _names(fqn: tuple[str, ...], value: str, is_versioned: bool) -> bool:  # noqa: FBT001 - private
    """Say whether a dotted name, possibly with wildcards, means a node of this path.

    A versioned model's path ends with its version, so its name is the part before.
    """
    wanted = value.split(".")
    leaf = fqn[-2] if is_versioned and len(fqn) > 1 else fqn[-1]
    if leaf == value or (is_versioned and "_".join(fqn[-2:]) == "_".join(wanted[-2:])):
        return True
    flat = [part for segment in fqn for part in segment.split(".")]
    if len(flat) < len(wanted):
        return False
    for index, part in enumerate(wanted):
        if GLOB.intersection(part):
            rest, pattern = ".".join(flat[index:]), ".".join(wanted[index:])
            return fnmatchcase(rest, pattern) or (len(wanted) == 1 and fnmatchcase(leaf, value))
        if flat[index] != part:
            return False
    return True


def _tag(value: str) -> Matcher:
    return lambda node: any(fnmatchcase(tag, value) for tag in node.tags)


def _path(value: str) -> Matcher:
    pattern = PurePosixPath(value).parts

    def matches(node: Node) -> bool:
        own = PurePosixPath(node.original_path)
        patch = PurePosixPath(node.patch_path.rpartition("://")[2])
        places = [own, *own.parents, *([patch] if node.patch_path else [])]
        return any(_parts_match(place.parts, pattern) for place in places)

    return matches


def _parts_match(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Match path segments with shell wildcards; ``**`` stands for any number of segments."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_parts_match(parts[skip:], pattern[1:]) for skip in range(len(parts) + 1))
    return (
        bool(parts) and fnmatchcase(parts[0], pattern[0]) and _parts_match(parts[1:], pattern[1:])
    )


def _file(value: str) -> Matcher:
    def matches(node: Node) -> bool:
        path = PurePosixPath(node.original_path)
        return fnmatchcase(path.name, value) or fnmatchcase(path.stem, value)

    return matches


def _source(value: str) -> Matcher:
    parts = value.split(".")
    if len(parts) > 3:  # noqa: PLR2004 - package.source.table
        raise _invalid(f"source:{value}", "a source is `source`, `source.table` or with a package")
    source = parts[0] if len(parts) < 3 else parts[1]  # noqa: PLR2004
    table = parts[-1] if len(parts) > 1 else "*"
    package = parts[0] if len(parts) == 3 else "*"  # noqa: PLR2004

    def matches(node: Node) -> bool:
        return (
            node.source is not None
            and fnmatchcase(node.package, package)
            and fnmatchcase(node.source.source_name, source)
            and fnmatchcase(node.name, table)
        )

    return matches


def _named(resource_type: ResourceType, value: str) -> Matcher:
    parts = value.split(".")
    if len(parts) > 2:  # noqa: PLR2004 - package.name
        raise _invalid(f"{resource_type}:{value}", "the value is `name` or `package.name`")
    package = parts[0] if len(parts) == 2 else "*"  # noqa: PLR2004
    return lambda node: (
        node.resource_type == resource_type
        and fnmatchcase(node.package, package)
        and fnmatchcase(node.name, parts[-1])
    )


def _package(value: str) -> Matcher:
    return lambda node: fnmatchcase(node.package, value)


def _config(keys: tuple[str, ...], value: str, node: Node) -> bool:
    if node.resource_type in WITHOUT_CONFIG:
        return False
    found: Json | Mapping[str, Json] = node.config
    for key in keys:
        if not isinstance(found, Mapping) or key not in found:
            return False
        found = found[key]
    options = found if isinstance(found, (list, tuple)) else [found]
    ignore_case = keys == ("severity",)
    return any(_is_written_as(option, value, ignore_case=ignore_case) for option in options)


def _is_written_as(option: object, value: str, *, ignore_case: bool) -> bool:
    if isinstance(option, bool):
        return value.lower() == str(option).lower()
    if ignore_case:
        return value.lower() == str(option).lower()
    return isinstance(option, (str, int, float)) and str(option) == value


def _resource_type(value: str) -> Matcher:
    wanted = {"unit": "unit_test"}.get(value, value)
    if wanted not in get_args(ResourceType):
        raise _invalid(f"resource_type:{value}", f"there are {', '.join(get_args(ResourceType))}")
    return lambda node: node.resource_type == wanted


def _test_name(value: str) -> Matcher:
    def matches(node: Node) -> bool:
        if node.resource_type == "unit_test":
            return fnmatchcase(node.name, value)
        return node.test is not None and fnmatchcase(node.test.name, value)

    return matches


def _is_generic(node: Node) -> bool:
    return node.resource_type == "test" and node.test is not None


def _is_singular(node: Node) -> bool:
    return node.resource_type == "test" and node.test is None


def _test_type(value: str) -> Matcher:
    kinds: Mapping[str, Matcher] = {
        "generic": _is_generic,
        "schema": _is_generic,
        "singular": _is_singular,
        "data": lambda node: node.resource_type == "test",
        "unit": lambda node: node.resource_type == "unit_test",
    }
    if value not in kinds:
        raise _invalid(f"test_type:{value}", f"there are {', '.join(kinds)}")
    return kinds[value]


def _group(value: str) -> Matcher:
    def matches(node: Node) -> bool:
        group = node.config.get("group")
        return isinstance(group, str) and fnmatchcase(group, value)

    return matches


def _access(value: str) -> Matcher:
    return lambda node: (
        node.resource_type == "model" and value == (node.config.get("access") or "protected")
    )


def _version(graph: Graph, value: str) -> Matcher:
    siblings: dict[tuple[str, str], list[Node]] = {}
    for compiled in graph.nodes.values():
        node = compiled.node
        if node.version is not None:
            siblings.setdefault((node.package, node.name), []).append(node)

    def sign(node: Node) -> int | None:
        """Return 0 for the latest version, 1 for newer ones, -1 for older, None for no version."""
        family = siblings.get((node.package, node.name), [])
        latest = [found.version for found in family if is_latest_version(found, family)]
        own = node.version
        if own is None or not latest or latest[0] is None:
            return None
        return is_older_version(latest[0], own) - is_older_version(own, latest[0])

    wanted = {"latest": 0, "prerelease": 1, "old": -1, "none": None}
    if value not in wanted:
        raise _invalid(f"version:{value}", f"there are {', '.join(wanted)}")
    return lambda node: node.resource_type == "model" and sign(node) == wanted[value]


def _result(past: Past, value: str) -> Matcher:
    statuses = past.statuses()
    return lambda node: statuses.get(node.unique_id) == value


def _state(past: Past, value: str) -> Matcher:
    found = past.differing(value)
    return lambda node: node.unique_id in found


def _source_status(past: Past, value: str) -> Matcher:
    if value != "fresher":
        raise _invalid(f"source_status:{value}", "there is fresher")
    fresher = past.fresher()
    return lambda node: node.unique_id in fresher


def _invalid(raw: str, why: str) -> Invalid:
    return Invalid(
        "selector-invalid",
        f"cannot read the selector `{raw}`",
        why=why,
        fix="write it as `method:value`, a name or a path",
    )


_METHODS: Mapping[str, Callable[[str], Matcher]] = MappingProxyType(
    {
        "fqn": _fqn,
        "tag": _tag,
        "path": _path,
        "file": _file,
        "source": _source,
        "package": _package,
        "resource_type": _resource_type,
        "test_name": _test_name,
        "test_type": _test_type,
        "group": _group,
        "access": _access,
        **{
            kind: partial(_named, kind)
            for kind in ("exposure", "metric", "semantic_model", "saved_query", "unit_test")
        },
    }
)
