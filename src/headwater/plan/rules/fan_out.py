"""A join that multiplies rows of which a test says that there is one for each key.

What it finds:
    In a new or changed model with a ``unique`` test, a join to a table in which the joined value
    occurs more than once, as counted when the plan is made, although the rows before the join were
    unique by that key.

Why it matters:
    The test fails and the build stops; or, where it is no gate, every sum over the model counts
    the multiplied rows again.

Example:
    ``fct_orders`` is unique by ``order_id`` and joins ``payments``, of which an order may have
    three.

Safer form:
    Aggregate the joined table to a row for each key first, or pick one row with ``qualify``.

Known gaps:
    Only joins by one column that the joined table passes on unfiltered are judged, and only where
    nothing groups by the key afterwards.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft, NodeJoins
from headwater.plan.joins import Shapes
from headwater.plan.rules.exploding_join import told
from headwater.plan.rules.rule import Rule
from headwater.plan.state import KeyShape
from headwater.plan.tested import keys_declared, tests_by_node
from headwater.sql.counted import JoinSeen

_MAKE_ONE = ("distinct", "qualify", "row_number")
"""Words of queries that may bring rows back to one for each key."""


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Compare the joins of tested models with the keys that they declare."""
    shapes = Shapes(draft.state.keys)
    tests = tests_by_node(draft.graph) if draft.joins and shapes else {}
    for node, found in draft.joins.items():
        keys = keys_declared(tests.get(node, ()))
        if not keys or _is_reduced(draft.compiled(node)):
            continue
        for key in keys - _proved(found, keys):
            yield from _check_key(draft.compiled(node), found, key, shapes)


def _is_reduced(compiled: CompiledNode) -> bool:
    text = compiled.code.lower()
    return any(word in text for word in _MAKE_ONE)


def _proved(found: NodeJoins, keys: set[frozenset[str]]) -> set[frozenset[str]]:
    """Return the keys that the query keeps, and all of them when it is not understood."""
    if found.rows is None:
        return keys
    known = found.rows.keys
    return {key for key in keys if any(each <= key for each in known)}


def _check_key(
    compiled: CompiledNode, found: NodeJoins, key: frozenset[str], shapes: Shapes
) -> Iterator[Diagnostic]:
    for join in found.joins:
        shape = _multiplied_by(join, key, shapes)
        if shape is None or _is_grouped_by(compiled, join, key):
            continue
        named = ", ".join(sorted(key))
        yield Diagnostic(
            code="fan-out",
            severity="warning",
            what=f"`{compiled.node.name}` is declared unique by `{named}`, and joining "
            f"`{join.name}` multiplies its rows",
            why=told(shape),
            fix=f"aggregate `{shape.table.name}` to a row for each `{shape.column}` first, or pick "
            "one with qualify",
            where=compiled.node.where,
            node=compiled.node.unique_id,
        )
        return


def _multiplied_by(join: JoinSeen, key: frozenset[str], shapes: Shapes) -> KeyShape | None:
    """Return what was counted of the joined column, where it multiplies rows that were unique."""
    pairs = join.match.pairs
    if not join.match.is_all or len(pairs) != 1 or join.is_filtered or join.side == "FULL":
        return None
    ids = frozenset(one.id for one in join.left.fields if one.name in key)
    if not join.left.is_unique_by(ids) or join.right.is_unique_by(frozenset({pairs[0][1].id})):
        return None
    shape = shapes.of(pairs[0][1])
    return None if shape is None or shape.is_key else shape


def _is_grouped_by(compiled: CompiledNode, join: JoinSeen, key: frozenset[str]) -> bool:
    """Say whether the query groups by the key, which makes one row of several."""
    values = {each for one in join.left.fields if one.name in key for each in one.values}
    row_set = compiled.lineage.row_set if compiled.lineage is not None else ()
    return any(
        use.subtype == "group_by" and (use.table, use.column.lower()) in values for use in row_set
    )


FAN_OUT = Rule(code="fan-out", check=check)
