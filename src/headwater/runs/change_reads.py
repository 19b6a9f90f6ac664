"""Rows that came and went, made readable in a session under names of their own.

What ``table_changes`` gives in ``hw sql``: the rows of each version with what became of them.
"""

# ruff: noqa: S608 - names are quoted, numbers are ours
from collections.abc import Iterable, Iterator

from headwater.base.errors import Invalid
from headwater.base.relations import Column, TableName, quote_identifier
from headwater.engines.engine import EmptySource, Session, ViewSource
from headwater.lake.changes import CHANGE_TYPE, ChangedRows, version_changes
from headwater.lake.snapshot import Snapshot
from headwater.lake.table import Table

HIDDEN = "__headwater_parts"
"""Catalog of the names under which parts of a table are bound; no table of a lake has it."""

VERSION_COLUMN = Column("_commit_version", "BIGINT")
TIME_COLUMN = Column("_commit_timestamp", "TIMESTAMP WITH TIME ZONE")


def hidden_name(kind: str, number: int) -> TableName:
    """Return a name for a part of a table, of which only we know."""
    return TableName(HIDDEN, kind, f"part_{number}")


def bind_parts(session: Session, kind: str, parts: Iterable[Snapshot]) -> tuple[TableName, ...]:
    """Bind parts of tables; return their names."""
    names = []
    for number, part in enumerate(parts):
        name = hidden_name(kind, number)
        session.bind(name, part)
        names.append(name)
    return tuple(names)


def bind_changes(
    session: Session, name: TableName, table: Table, versions: tuple[int, int | None]
) -> TableName:
    """Bind what versions of a table changed, with what, by which version and when.

    Args:
        session: Where.
        name: The table's name.
        table: The table.
        versions: The first and the last version; None for the newest.

    Returns:
        The name that the rows have in the session.

    Raises:
        Invalid: ``changes-unreadable``.
        NotFound: ``version-not-found``, ``changes-not-kept``.
    """
    first, last = versions
    until = table.snapshot(version=last)
    _check(name, first, until)
    bound = TableName(name.catalog, name.schema, f"{name.name}@changes{first}-{until.version}")
    rows = version_changes(table, first - 1, until)
    if not rows:
        extra = (Column(CHANGE_TYPE, "VARCHAR"), VERSION_COLUMN, TIME_COLUMN)
        session.bind(bound, EmptySource(columns=(*until.columns, *extra)))
        return bound
    kind = f"changes of {bound.name}"
    parts = bind_parts(session, kind, (each.source for each in rows))
    selects = (_select(until, each, part) for each, part in zip(rows, parts, strict=True))
    session.bind(bound, ViewSource(sql=" UNION ALL ".join(selects)))
    return bound


def _select(until: Snapshot, rows: ChangedRows, part: TableName) -> str:
    return f"SELECT {', '.join(_outputs(until, rows))} FROM {part.quoted()}"


def _outputs(until: Snapshot, rows: ChangedRows) -> Iterator[str]:
    yield from (quote_identifier(column.name) for column in until.columns)
    yield CHANGE_TYPE if rows.kind == "recorded" else f"'{rows.kind}' AS {CHANGE_TYPE}"
    yield f"{rows.version}::BIGINT AS {VERSION_COLUMN.name}"
    yield f"make_timestamptz({rows.timestamp_ms * 1000}) AS {TIME_COLUMN.name}"


def _check(name: TableName, first: int, until: Snapshot) -> None:
    taken = {column.name.lower() for column in until.columns}
    taken &= {CHANGE_TYPE, VERSION_COLUMN.name, TIME_COLUMN.name}
    if first > until.version:
        raise Invalid(
            "changes-unreadable",
            f"`table_changes` of `{name}` begins at version {first}, after its end",
            why=f"the last version is {until.version}",
            fix="name the older version first",
        )
    if taken:
        raise Invalid(
            "changes-unreadable",
            f"`{name}` has a column `{min(taken)}` of its own",
            why="`table_changes` gives what changed in a column of that name",
            fix="compare two versions instead: `select * from t@v5 except all select * from t@v3`",
        )
