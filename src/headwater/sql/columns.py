"""Traces one query: which input columns each output column is made of, and which decide the rows.

One walk over the tree with our own scopes: qualifying with the library and asking it column by
column is a hundred times slower, and loses the filters of scalar subqueries.
"""

from collections.abc import Mapping

from headwater.base.relations import Column, TableName
from headwater.sql.flow import LEGIBLE, ROWS, Relation, Uses, digest, subtypes_of
from headwater.sql.lineage import Influence, OutputColumn, QueryLineage, kind_of
from headwater.sql.parse import Query
from headwater.sql.queries import trace_query
from headwater.sql.reads import tables_of
from headwater.sql.scope import Tracer


def trace(
    query: Query, schemas: Mapping[TableName, tuple[Column, ...]], *, catalog: str = ""
) -> QueryLineage:
    """Trace one query.

    Args:
        query: What to trace.
        schemas: Columns of the relations that it may read. Names with fewer than three parts
            match by their end when that is unambiguous. Columns of a relation that is not here are
            traced by name, lower case, wherever only one relation can have them.
        catalog: Where ``schema.table`` is, when it is not among the schemas.
    """
    tracer = Tracer(schemas=_index_schemas(schemas), trace_query=trace_query, catalog=catalog)
    try:
        relation = trace_query(tracer, query.tree, None, {})
    except RecursionError:
        tracer.miss("the query nests too deep to be traced")
        relation = Relation(columns=[], text=query.text, rows={})
    reads = {*tracer.tables, *_reads(tracer, query)}
    if relation.open_table is not None:
        table = tracer.tables[relation.open_table]
        tracer.miss(f"`*` gives the columns of `{_shown(table)}`, which are not known")
    elif relation.is_opaque:
        tracer.miss("`*` gives columns of a relation whose columns are not known")
    return QueryLineage(
        columns=tuple(
            OutputColumn(
                name=column.name,
                type=column.type,
                influences=_influences(tracer, column.uses),
                fingerprint=digest(column.text),
            )
            for column in relation.columns
        ),
        row_set=_influences(tracer, relation.rows),
        row_fingerprint=digest(relation.text),
        reads=tuple(sorted(reads)),
        complete=not tracer.gaps,
        gaps=tuple(tracer.gaps),
    )


def _shown(table: TableName) -> str:
    return ".".join(part for part in (table.catalog, table.schema, table.name) if part)


def _index_schemas(
    schemas: Mapping[TableName, tuple[Column, ...]],
) -> dict[tuple[str, ...], tuple[TableName, tuple[Column, ...]]]:
    index: dict[tuple[str, ...], tuple[TableName, tuple[Column, ...]]] = {}
    ambiguous: set[tuple[str, ...]] = set()
    for table, columns in schemas.items():
        parts = (table.catalog.lower(), table.schema.lower(), table.name.lower())
        keys: tuple[tuple[str, ...], ...] = (parts, parts[1:], parts[2:])
        for key in keys:
            if key in index:
                ambiguous.add(key)
            index[key] = (table, columns)
    for key in ambiguous:
        del index[key]
    return index


def _reads(tracer: Tracer, query: Query) -> set[TableName]:
    """Return every relation named in the text; the walk that nothing in a trace can skip."""
    found: set[TableName] = set()
    for written in tables_of(query.tree):
        known = tracer.schemas.get(tuple(part.lower() for part in written))
        found.add(known[0] if known is not None else tracer.named(written))
    return found


def _influences(
    tracer: Tracer, uses: Uses | Mapping[tuple[int, str], int]
) -> tuple[Influence, ...]:
    return tuple(
        sorted(
            Influence(
                tracer.tables[number],
                column,
                subtype,
                masking=kind_of(subtype) == "direct" and column != ROWS and not use & LEGIBLE,
            )
            for (number, column), use in uses.items()
            for subtype in subtypes_of(use)
        )
    )
