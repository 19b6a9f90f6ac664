"""A join that relies on a key which no test proves to be one.

What it finds:
    In a new or changed model, a join along a ``relationships`` test whose parent column has no
    ``unique`` test. Information where the values were counted and each occurs once.

Why it matters:
    The join keeps one row of the child for each only while the parent's column is a key. Without a
    test the day on which it is none multiplies rows silently.

Example:
    ``orders.customer_id`` is tested to lead to ``customers.id``, and nothing tests that
    ``customers.id`` is unique.

Safer form:
    Add ``unique`` and ``not_null`` to the parent's column.

Known gaps:
    Joins by several columns are not judged, nor those whose parent was filtered or grouped first.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.relations import TableName
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.joins import Shapes
from headwater.plan.rules.exploding_join import told
from headwater.plan.rules.rule import Rule
from headwater.sql.counted import Field, JoinSeen


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Look at the joins along foreign keys."""
    shapes = Shapes(draft.state.keys)
    for node, found in draft.joins.items():
        for join in found.joins:
            parent = _parent_or_none(join)
            if parent is not None:
                yield _finding(draft.compiled(node), shapes, *parent)


def _parent_or_none(join: JoinSeen) -> tuple[Field, tuple[TableName, str]] | None:
    """Return the joined column that a foreign key leads to, where it is not known to be a key."""
    if len(join.match.pairs) != 1:
        return None
    left, right = join.match.pairs[0]
    for child, parent, rows in ((left, right, join.right), (right, left, join.left)):
        leads = sorted((child.values - child.covers) & parent.covers)
        if leads and not rows.is_unique_by(frozenset({parent.id})):
            return parent, leads[0]
    return None


def _finding(
    compiled: CompiledNode, shapes: Shapes, parent: Field, place: tuple[TableName, str]
) -> Diagnostic:
    table, column = place
    shape = shapes.of(parent)
    is_key = shape is not None and shape.is_key
    return Diagnostic(
        code="key-untested",
        severity="info" if is_key else "warning",
        what=f"`{compiled.node.name}` joins by `{table.name}.{column}`, to which a relationship "
        "leads and which no test proves to be unique",
        why="rows are multiplied on the day on which a value occurs twice"
        if shape is None
        else told(shape),
        fix=f"add unique and not_null to `{column}` of `{table.name}`",
        where=compiled.node.where,
        node=compiled.node.unique_id,
    )


UNTESTED_KEY = Rule(code="key-untested", check=check)
