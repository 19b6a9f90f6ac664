"""Columns that had no nulls by the deployed query, and may have some by the new one.

Both queries are counted over the same facts of their inputs, so what is found is what the edit did:
an inner join that became an outer one, a ``coalesce`` that went. Where either query is not
understood, or a column is computed in a way that may give no nulls either, nothing is said.
"""

from collections.abc import Iterator

from headwater.base.relations import TableName
from headwater.graph.graph import CompiledNode
from headwater.plan.facts import FactBook
from headwater.plan.state import DeployedNode
from headwater.sql.count_rows import RowCount, see_joins
from headwater.sql.counted import TableFacts
from headwater.sql.lineage import kind_of


def nullable_now(compiled: CompiledNode, deployed: DeployedNode, book: FactBook) -> tuple[str, ...]:
    """Return the columns of both versions that may be null now and were not, in their order.

    Args:
        compiled: The node as it will be.
        deployed: The node as it is.
        book: What is known of the tables that both read.
    """
    if compiled.dialect != "duckdb" or not (compiled.code and deployed.code):
        return ()
    names = {*compiled.reads, *(deployed.lineage.reads if deployed.lineage else ())}
    tables = {name: book.facts(name, "likely") for name in names}
    before = _count(deployed.code, tables, book)
    after = _count(compiled.code, tables, book)
    if before is None or after is None:
        return ()
    lost = before.not_null - after.not_null
    return tuple(name for name in _passed_on(compiled) if name.lower() in lost)


def _passed_on(compiled: CompiledNode) -> Iterator[str]:
    """Yield the columns that are a column of an input as it is: null where that is."""
    for column in compiled.lineage.columns if compiled.lineage else ():
        uses = [each.subtype for each in column.influences if kind_of(each.subtype) == "direct"]
        if uses == ["identity"]:
            yield column.name


def _count(sql: str, tables: dict[TableName, TableFacts], book: FactBook) -> RowCount | None:
    return see_joins(sql, tables, book.draft.trees)[0]
