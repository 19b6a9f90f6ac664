"""A merge whose key no test proves to be a key.

What it finds:
    An incremental merge or a snapshot whose ``unique_key`` has no ``unique`` test, or whose key
    columns have no ``not_null`` test.

Why it matters:
    A null key matches nothing, so its row is inserted again at every run; a key that occurs twice
    makes the merge fail, or update the wrong row.

Example:
    ``unique_key: move_id`` and no ``unique`` and ``not_null`` on ``move_id``.

Safer form:
    Add both tests to the column. For a key of several columns, a test of the combination (such as
    ``unique_combination_of_columns``) and ``not_null`` on each.

Known gaps:
    Tests are recognised by name: ``unique``, ``not_null``, ``primary_key`` and tests whose
    ``combination_of_columns`` lists the key. A singular test is not understood. delete+insert
    allows a key more than once, so only ``not_null`` is asked for. A snapshot's key may be tested
    on the snapshot's input, by the same column name.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.relations import unquoted
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.refresh import is_refreshed
from headwater.plan.rules.rule import Rule
from headwater.plan.strategy import names_of, strategy_of
from headwater.plan.tested import columns_tested, combination_of, tests_by_node
from headwater.project.node import TestInfo


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Look for the tests of every merge's key."""
    tests = tests_by_node(draft.graph)
    for compiled in draft.graph.nodes.values():
        key = tuple(map(unquoted, names_of(compiled.node.config.get("unique_key"))))
        how = _matching(compiled)
        if not key or not how or not draft.is_asked_for(compiled.node.unique_id):
            continue
        known = [test for node in _tested(compiled) for test in tests.get(node, ())]
        missing = list(_missing(key, known, needs_unique=how == "merge"))
        if missing:
            yield _finding(compiled, key, missing)


def _matching(compiled: CompiledNode) -> str:
    if compiled.node.resource_type == "snapshot":
        return "merge"
    if compiled.node.resource_type != "model" or compiled.node.materialized != "incremental":
        return ""
    if is_refreshed(compiled):
        return ""  # its key is proved by its query, and need not be unique
    strategy = strategy_of(compiled)
    return strategy if strategy in {"merge", "delete+insert"} else ""


def _tested(compiled: CompiledNode) -> tuple[NodeId, ...]:
    """Return where tests of the key count: a snapshot holds a key often, its input only once."""
    node = compiled.node
    if node.resource_type == "snapshot":
        return (node.unique_id, *compiled.depends_on)
    return (node.unique_id,)


def _missing(key: tuple[str, ...], tests: list[TestInfo], *, needs_unique: bool) -> Iterator[str]:
    wanted = {column.lower() for column in key}
    columns = {name: columns_tested(tests, name) for name in ("unique", "not_null", "primary_key")}
    combined = any(wanted == combination_of(test) for test in tests)
    is_unique = combined or bool(wanted & (columns["unique"] | columns["primary_key"]))
    if needs_unique and not is_unique:
        yield "unique"
    if not wanted <= columns["not_null"] | columns["primary_key"]:
        yield "not_null"


def _finding(compiled: CompiledNode, key: tuple[str, ...], missing: list[str]) -> Diagnostic:
    node = compiled.node
    return Diagnostic(
        code="merge-key-untested",
        severity="warning",
        what=f"`{node.name}` matches by `{', '.join(key)}`, which has no "
        f"{' and no '.join(f'`{name}`' for name in missing)} test",
        why="a null key is inserted anew at every run, and a key that occurs twice updates the "
        "wrong row or fails the merge",
        fix=f"add {' and '.join(missing)} to `{', '.join(key)}` in a properties file",
        where=node.where,
        node=node.unique_id,
    )


MERGE_KEY = Rule(code="merge-key-untested", check=check)
