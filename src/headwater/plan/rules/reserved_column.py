"""A column whose name is a reserved word where the table is read.

What it finds:
    A new or changed model with a column whose name is reserved by an engine or warehouse that
    reads the model: ``meta.headwater.read_by`` of the model, or of an exposure that depends on it,
    names ``spark``, ``databricks``, ``snowflake``, ``bigquery``, ``postgres`` or ``redshift``.

Why it matters:
    There the name must be quoted in every query; one that is not fails, or means something else:
    ``select user`` gives the name of who asks.

Example:
    ``select id as user`` in a model that Spark reads.

Safer form:
    Another name: ``user_id``.

Known gaps:
    Who reads a model is what the project says. Words that are reserved only in some places are
    taken to be reserved.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import SAME, Draft
from headwater.plan.rules.rule import Rule, headwater_meta
from headwater.sql.reserved import RESERVED_ELSEWHERE


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Compare the names of columns with the words of whoever reads them."""
    readers = _readers(draft)
    for node, engines in readers.items():
        if not draft.is_asked_for(node) or draft.differences[node].kind in SAME:
            continue
        compiled = draft.compiled(node)
        for engine in sorted(engines):
            names = [column.name for column in compiled.columns or ()]
            found = [name for name in names if name.lower() in RESERVED_ELSEWHERE[engine]]
            if found:
                yield _finding(compiled, engine, found)


def _readers(draft: Draft) -> dict[NodeId, set[str]]:
    """Return who is said to read each model, by name of engine."""
    found: dict[NodeId, set[str]] = {}
    for node, compiled in draft.graph.nodes.items():
        listed = headwater_meta(compiled.node).get("read_by")
        entries = listed if isinstance(listed, list) else [listed]
        engines = {str(each).lower() for each in entries} & RESERVED_ELSEWHERE.keys()
        is_exposure = compiled.node.resource_type == "exposure"
        for read in compiled.depends_on if engines and is_exposure else (node,):
            if engines:
                found.setdefault(read, set()).update(engines)
    return found


def _finding(compiled: CompiledNode, engine: str, found: list[str]) -> Diagnostic:
    named = ", ".join(f"`{name}`" for name in found)
    return Diagnostic(
        code="reserved-column",
        severity="warning",
        what=f"`{compiled.node.name}` is read by {engine}, where {named} "
        f"{'are reserved words' if len(found) > 1 else 'is a reserved word'}",
        why="a query there that does not quote the name fails, or means something else",
        fix="give the column another name",
        where=compiled.node.where,
        node=compiled.node.unique_id,
    )


RESERVED_COLUMN = Rule(code="reserved-column", check=check)
