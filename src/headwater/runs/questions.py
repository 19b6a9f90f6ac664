"""Questions about what there is, asked in SQL: ``show tables``, ``show schemas``, ``describe t``.

A session holds only the relations that one query reads, so the engine's own answer would always be
"nothing". The metastore knows.
"""

import re

from headwater.base.functions import is_function_document
from headwater.base.meters import Meter
from headwater.base.relations import Column
from headwater.catalog.records import ViewRecord
from headwater.engines.engine import Result
from headwater.runs.context import Context
from headwater.runs.describe import list_tables

_NAME = r'(?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+)){0,2}'
_TABLES = re.compile(
    rf"(?:show\s+(?P<all>all\s+)?(?P<kind>tables|views)(?:\s+(?:from|in)\s+(?P<within>{_NAME}))?"
    r"|describe)\s*;?",
    re.IGNORECASE,
)
_SCHEMAS = re.compile(r"show\s+(?P<kind>schemas|databases|catalogs)\s*;?", re.IGNORECASE)
_DESCRIBE = re.compile(
    rf"(?:(?:desc|describe|show)(?:\s+table)?|show\s+columns\s+(?:from|in))\s+(?P<name>{_NAME})\s*;?",
    re.IGNORECASE,
)


def answer_or_none(context: Context, sql: str, *, rows_max: int) -> Result | None:
    """Answer a question about tables, views or schemas; None when the text is another statement."""
    text = sql.strip()
    if (asked := _TABLES.fullmatch(text)) is not None:
        within = (asked["within"] or "").replace('"', "").casefold()
        only = "view" if (asked["kind"] or "").lower() == "views" else ""
        if asked["all"]:
            return _all_tables(context, rows_max)
        return _tables(context, within, only, rows_max)
    if (asked := _SCHEMAS.fullmatch(text)) is not None:
        return _schemas(context, rows_max, with_schema=asked["kind"].lower() == "schemas")
    return None


def plain_describe(sql: str) -> str:
    """Write every form of "describe this table" as ``describe t``; other texts stay as they are."""
    asked = _DESCRIBE.fullmatch(sql.strip())
    return sql if asked is None else f"describe {asked['name']}"


def _tables(context: Context, within: str, only: str, rows_max: int) -> Result:
    rows = []
    for record in context.metastore.list_relations():
        kind = "view" if isinstance(record, ViewRecord) else "table"
        name = record.name
        schemas = {name.schema.casefold(), f"{name.catalog}.{name.schema}".casefold()}
        if isinstance(record, ViewRecord) and is_function_document(record.sql):
            continue
        if (not within or within in schemas) and only in {"", kind}:
            rows.append((name.catalog, name.schema, name.name, kind))
    return _result(("catalog", "schema", "name", "kind"), sorted(rows), rows_max)


def _all_tables(context: Context, rows_max: int) -> Result:
    rows = []
    for table in list_tables(context):
        catalog, schema, name = table.name.split(".", 2)
        names = ", ".join(column.name for column in table.columns)
        types = ", ".join(column.type for column in table.columns)
        rows.append((catalog, schema, name, table.kind, names, types))
    heads = ("catalog", "schema", "name", "kind", "column_names", "column_types")
    return _result(heads, sorted(rows), rows_max)


def _schemas(context: Context, rows_max: int, *, with_schema: bool) -> Result:
    names = [record.name for record in context.metastore.list_relations()]
    pairs = {(context.catalog, context.schema)} | {(name.catalog, name.schema) for name in names}
    if with_schema:
        return _result(("catalog", "schema"), sorted(pairs), rows_max)
    return _result(("catalog",), sorted({(catalog,) for catalog, _ in pairs}), rows_max)


def _result(heads: tuple[str, ...], rows: list[tuple[str, ...]], rows_max: int) -> Result:
    return Result(
        columns=tuple(Column(name=head, type="VARCHAR") for head in heads),
        rows=tuple(rows[:rows_max]),
        truncated=len(rows) > rows_max,
        meter=Meter(),
    )
