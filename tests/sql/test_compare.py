"""Classifying an edit: every pair of ``tests/cases/sql/changes``, before and after."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pytest
from tests.sql.cases import CASES, known_schemas, open_data

from headwater.base.relations import Column
from headwater.sql.columns import trace
from headwater.sql.compare import compare
from headwater.sql.lineage import ColumnChange, QueryChange
from headwater.sql.parse import parse_query


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    name: str
    before: str
    after: str
    expected: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def _read_pairs() -> list[Pair]:
    text = (CASES / "changes" / "changes.sql").read_text(encoding="utf-8")
    pairs: list[Pair] = []
    for block in text.split("-- case: ")[1:]:
        name, rest = block.strip().split("\n", 1)
        before, rest = rest.split(";\n-- becomes\n")
        after, said = rest.rsplit(";\n", 1)
        expected = tuple(line.removeprefix("-- ") for line in said.splitlines())
        pairs.append(Pair(name=name, before=before, after=after, expected=expected))
    return pairs


PAIRS = _read_pairs()
SCHEMAS = known_schemas()


@pytest.fixture(scope="module")
def data() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_data()
    yield connection
    connection.close()


def _columns(data: duckdb.DuckDBPyConnection, sql: str) -> tuple[Column, ...]:
    """Ask DuckDB for the columns, as the graph does."""
    rows = data.execute(f"describe {sql}").fetchall()
    return tuple(Column(row[0], row[1]) for row in rows)


def _compare(data: duckdb.DuckDBPyConnection, before: str, after: str) -> QueryChange:
    return compare(
        trace(parse_query(before), SCHEMAS),
        trace(parse_query(after), SCHEMAS),
        before_columns=_columns(data, before),
        after_columns=_columns(data, after),
    )


def _shown(change: QueryChange) -> tuple[str, ...]:
    lines = ["formatting only"] if change.formatting_only else []
    lines += [_shown_column(column) for column in change.columns]
    lines += ["rows"] if change.rows_changed else []
    lines += [f"reads + {table.name}" for table in change.reads_added]
    lines += [f"reads - {table.name}" for table in change.reads_removed]
    return tuple(lines or ["moved"])


def _shown_column(column: ColumnChange) -> str:
    if column.change == "changed":
        return f"{column.column} changed"
    return " ".join(p for p in (column.column, column.change, column.before, column.after) if p)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_an_edit_is_classified(pair: Pair, data: duckdb.DuckDBPyConnection) -> None:
    assert _shown(_compare(data, pair.before, pair.after)) == pair.expected


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_query_equals_itself(pair: Pair, data: duckdb.DuckDBPyConnection) -> None:
    assert _compare(data, pair.after, pair.after) == QueryChange(formatting_only=True)


@pytest.mark.parametrize("pair", [p for p in PAIRS if "formatting only" in p.expected], ids=str)
def test_what_is_called_formatting_gives_the_same_rows(
    pair: Pair, data: duckdb.DuckDBPyConnection
) -> None:
    before = sorted(map(repr, data.execute(pair.before).fetchall()))
    after = sorted(map(repr, data.execute(pair.after).fetchall()))

    assert before == after


def test_an_untraceable_part_counts_as_changed_rows() -> None:
    before = trace(parse_query("select * from p where a > 1"), {})
    after = trace(parse_query("select * from p where a > 2"), {})

    assert compare(before, after).rows_changed is True
    assert compare(before, before).formatting_only is True


def test_two_columns_of_the_same_expression_are_not_guessed_to_be_renamed(
    data: duckdb.DuckDBPyConnection,
) -> None:
    actual = _compare(data, "select a as p, a as q from t", "select a as r from t")

    assert [(c.column, c.change) for c in actual.columns] == [
        ("p", "dropped"),
        ("q", "dropped"),
        ("r", "added"),
    ]
