"""Asks the engine which inputs matter: changes a column, runs queries again, compares the results.

It knows nothing of lineage, so that a trace can be judged by it. A column of a result whose values
differ, as a multiset, was influenced; rows that only change places are no difference. What it sees
is a lower bound of the truth: small data and four changes hide some influences.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from headwater.base.relations import Column, TableName
from headwater.sql.lineage import QueryLineage, kind_of

CHANGES = ("shuffled", "shifted", "with nulls", "constant")
"""What is done to a column, one at a time; each keeps its type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One query to ask about.

    Attributes:
        name: What it is called.
        sql: Its text.
        columns: Columns that may matter to it: table and column, lower case.
    """

    name: str
    sql: str
    columns: frozenset[tuple[TableName, str]]


@dataclass(slots=True, kw_only=True)
class Seen:
    """What was seen of one query.

    Attributes:
        width: Columns of its result.
        rows: Rows of its result before any change.
        influences: Table, column and position in the result, of every influence seen.
        runs: How often it was run on changed data.
        refused: How often the engine refused it then.
    """

    width: int = 0
    rows: int = 0
    influences: set[tuple[TableName, str, int]] = field(default_factory=set)
    runs: int = 0
    refused: int = 0


@dataclass(slots=True, kw_only=True)
class Score:
    """How a trace stands against what was seen; counts of pairs of an input and an output column.

    Attributes:
        seen: Influences seen.
        missed: Those that the trace does not claim, in words.
        direct: Those that it claims as direct.
        claimed_direct: Pairs that it claims as direct.
        claimed: Pairs that it claims at all: direct, conditions, and row sets times outputs.
        confirmed: Claims that were seen.
    """

    seen: int = 0
    missed: list[str] = field(default_factory=list)
    direct: int = 0
    claimed_direct: int = 0
    claimed: int = 0
    confirmed: int = 0

    def add(self, other: "Score") -> None:
        """Add the counts of another query."""
        self.seen += other.seen
        self.missed += other.missed
        self.direct += other.direct
        self.claimed_direct += other.claimed_direct
        self.claimed += other.claimed
        self.confirmed += other.confirmed


def observe(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[TableName, Sequence[Column]],
    subjects: Sequence[Subject],
    *,
    is_key: Callable[[str], bool] = lambda _column: False,
) -> dict[str, Seen]:
    """Change each column that may matter to a query and see what differs.

    Args:
        connection: Holds the tables as tables, on one thread; every change is taken back.
        tables: Their columns.
        subjects: The queries.
        is_key: Columns that are never made constant, as joins on them would explode.
    """
    before = {subject.name: _result(connection, subject.sql) for subject in subjects}
    seen = {
        name: Seen(width=len(result.columns), rows=result.rows) for name, result in before.items()
    }
    for column, change, asked in _changes(tables, subjects, is_key):
        for name, after in _results_after(connection, change, asked):
            _compare(seen[name], before[name], after, column)
    return seen


def _changes(
    tables: Mapping[TableName, Sequence[Column]],
    subjects: Sequence[Subject],
    is_key: Callable[[str], bool],
) -> Iterator[tuple[tuple[TableName, str], str, Sequence[Subject]]]:
    """Give each column, a statement that changes it, and whom to ask then."""
    for table, name in ((table, each.name) for table, own in tables.items() for each in own):
        column = (table, name.lower())
        asked = [each for each in subjects if column in each.columns]
        for change in CHANGES if asked else ():
            if change != "constant" or not is_key(name):
                yield column, _change(table, name, change), asked


def score(seen: Seen, lineage: QueryLineage) -> Score:
    """Judge a trace by what was seen."""
    rows = {(each.table, each.column.lower()) for each in lineage.row_set}
    claims: list[set[tuple[TableName, str]]] = []
    direct: set[tuple[TableName, str, int]] = set()
    for place, column in enumerate(lineage.columns):
        claims.append({(each.table, each.column.lower()) for each in column.influences} | rows)
        direct |= {
            (each.table, each.column.lower(), place)
            for each in column.influences
            if kind_of(each.subtype) == "direct" and each.column != "*"
        }
    claimed = {(*each, place) for place, own in enumerate(claims) for each in own if each[1] != "*"}
    missed = sorted(
        f"{table.name}.{column} -> column {place + 1}"
        for table, column, place in seen.influences - claimed
    )
    return Score(
        seen=len(seen.influences),
        missed=missed,
        direct=len(seen.influences & direct),
        claimed_direct=len(direct),
        claimed=len(claimed),
        confirmed=len(seen.influences & claimed),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """A result: how many rows, and for each column what its values are, whatever their order."""

    rows: int
    columns: tuple[object, ...]


def _result(connection: duckdb.DuckDBPyConnection, sql: str) -> _Result:
    described = connection.execute(f"describe {sql}").fetchall()
    names = ", ".join(f"c{place}" for place in range(len(described)))
    # The last digits of a sum of doubles are those of the order in which it was made.
    texts = [
        f"format('{{:.9g}}', c{place})" if kind in {"DOUBLE", "FLOAT"} else f"c{place}"
        for place, (_, kind, *_) in enumerate(described)
    ]
    sums = ", ".join(f"sum(hash({text}))" for text in texts)
    row = connection.execute(f"select count(*), {sums} from ({sql}) as q({names})").fetchone()
    assert row is not None
    return _Result(rows=row[0], columns=tuple(row[1:]))


def _change(table: TableName, column: str, change: str) -> str:
    """Return the statement that replaces a table by one with another column."""
    relation, name = quoted(table), f'"{column}"'
    match change:
        case "with nulls":
            made = f"select * replace (case when rowid % 5 <> 1 then {name} end as {name}) from"
            return f"create or replace table {relation} as {made} {relation}"
        case "constant":
            value = f"(select min({name}) from {relation} where {name} is not null)"
            made = f"select * replace ({value} as {name}) from {relation}"
            return f"create or replace table {relation} as {made}"
        case "shuffled":
            values = f"select {name} as v from {relation} order by hash(rowid + 7), rowid"
            made = (
                f"select t.* replace (w.v as {name}) from {relation} t positional join ({values}) w"
            )
            return f"create or replace table {relation} as {made}"
        case _:
            values = (
                f"select {name} as k, coalesce(lead({name}) over (order by {name}), "
                f"min({name}) over ()) as v from (select distinct {name} from {relation})"
            )
            made = (
                f"select t.* replace (w.v as {name}) from {relation} t "
                f"left join ({values}) w on t.{name} = w.k order by t.rowid"
            )
            return f"create or replace table {relation} as {made}"


def quoted(table: TableName) -> str:
    """Return a relation's name as SQL writes it."""
    parts = (part for part in (table.catalog, table.schema, table.name) if part)
    return ".".join(f'"{part}"' for part in parts)


def _results_after(
    connection: duckdb.DuckDBPyConnection, change: str, subjects: Sequence[Subject]
) -> Iterator[tuple[str, _Result | None]]:
    is_changed = False
    for subject in subjects:
        if not is_changed:
            connection.execute("begin")
            connection.execute(change)
        try:
            result = _result(connection, subject.sql)
            is_changed = True
        except duckdb.Error:
            connection.execute("rollback")  # an error ends the transaction, and with it the change
            result, is_changed = None, False
        yield subject.name, result
    if is_changed:
        connection.execute("rollback")


def _compare(
    seen: Seen, before: _Result, after: _Result | None, changed: tuple[TableName, str]
) -> None:
    seen.runs += 1
    if after is None:
        seen.refused += 1
        return
    pairs = zip(before.columns, after.columns, strict=True)
    seen.influences |= {(*changed, place) for place, (old, new) in enumerate(pairs) if old != new}
