"""What dbt's manifest works out from tests: a model's primary key, and the group of its tests."""

from collections.abc import Iterable, Mapping

from headwater.base.codec import Json, to_builtins
from headwater.base.ids import NodeId
from headwater.project.node import Node
from headwater.project.project import Project

_UNIQUE = frozenset({"unique", "unique_combination_of_columns"})
_CONFIG_ORDER = (
    "severity", "tags", "enabled", "where", "limit", "warn_if", "error_if", "fail_calc",
    "store_failures", "store_failures_as", "meta", "database", "schema", "alias",
)  # fmt: skip


def tests_by_model(project: Project) -> Mapping[NodeId, tuple[Node, ...]]:
    """Return the generic tests of every node, those that are turned off too."""
    found: dict[NodeId, list[Node]] = {}
    for node in (*project.nodes.values(), *project.disabled.values()):
        if node.test is not None and node.test.attached_node is not None:
            found.setdefault(node.test.attached_node, []).append(node)
    return {key: tuple(tests) for key, tests in found.items()}


def primary_key(node: Node, tests: Iterable[Node]) -> list[Json]:
    """Return the columns that say which row of a model is which, as dbt infers them.

    Those of a primary key constraint; else those that are tested to be unique and not null; else
    those tested to be unique, of tests that run before those that are turned off.
    """
    constraints = node.declared.get("constraints")
    for each in constraints if isinstance(constraints, list) else ():
        if isinstance(each, Mapping) and each.get("type") == "primary_key":
            columns = each.get("columns")
            return list(columns) if isinstance(columns, list) else []
    for name, column in node.columns.items():
        if any(each.get("type") == "primary_key" for each in column.constraints):
            return [name]
    return _tested_key(tuple(tests))


def _tested_key(tests: tuple[Node, ...]) -> list[Json]:
    unique: dict[str, bool] = {}
    filled: dict[str, None] = {}
    for node in tests:
        name = node.test.name if node.test else ""
        for column in _columns_of(node):
            if name in _UNIQUE:
                unique[column] = unique.get(column, False) or node.is_enabled
            elif name == "not_null":
                filled[column] = None
    both = sorted(column for column in filled if column in unique)
    running = sorted(column for column, is_on in unique.items() if is_on)
    return list(both or running or sorted(unique))


def _columns_of(node: Node) -> tuple[str, ...]:
    arguments = node.test.arguments if node.test else {}
    column, several = arguments.get("column_name"), arguments.get("combination_of_columns")
    if isinstance(column, str):
        return (column,)
    return tuple(
        each for each in (several if isinstance(several, list) else ()) if isinstance(each, str)
    )


def group_of(node: Node, project: Project) -> Json:
    """Return a node's group; a generic test has that of the node that it tests."""
    attached = node.test.attached_node if node.test else None
    owner = project.nodes.get(attached, node) if attached else node
    return owner.config.get("group") or node.config.get("group")


def test_code(node: Node) -> str:
    """Return a generic test's text as dbt writes it: with the config that is given with it."""
    given = node.config_call
    keys = [key for key in _CONFIG_ORDER if given.get(key) is not None]
    keys += [key for key in given if key not in _CONFIG_ORDER and given[key] is not None]
    if not keys:
        return node.raw_code
    parts = ",".join(f"{key}={_shown(given[key])}" for key in keys)
    return f"{node.raw_code}{{{{ config({parts}) }}}}"


def _shown(value: Json) -> str:
    if isinstance(value, str):
        return '"' + value.replace('"', '\\"') + '"'
    return str(value)


def unit_test_document(node: Node, project: Project) -> dict[str, Json]:
    """Return what a unit test has beside the keys of every node."""
    declared = node.declared
    given, versions = declared.get("given"), declared.get("versions")
    version = declared.get("version")
    key = f"model.{node.package}.{declared.get('model')}"
    model = project.nodes.get(NodeId(key if version is None else f"{key}.v{version}"))
    return {
        "schema": model.place.schema if model and model.place else "",
        "overrides": to_builtins(declared.get("overrides")),
        "version": to_builtins(version),
        "versions": {"include": None, "exclude": None, **versions}
        if isinstance(versions, Mapping)
        else None,
        "given": [
            _rows(each) for each in (given if isinstance(given, list) else ()) if each is not None
        ],
        "expect": _rows(declared.get("expect")),
    }


def _rows(written: Json) -> Json:
    """Return rows with the keys that dbt gives them."""
    if not isinstance(written, Mapping):
        return None
    rows = {"rows": None, "format": "dict", "fixture": None, **written}
    return {key: to_builtins(value) for key, value in rows.items()}
