"""Counting how often values of joined columns occur: what the rules about joins rest on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runs.world import append, build, opened, relation, run_steps

from headwater.plan.state import KeyShape
from headwater.runs import keyshapes
from headwater.runs.context import Context
from headwater.runs.keyshapes import measure_keys
from headwater.runs.pins import Pins

ROWS = "select * from (values (1, 'a'), (1, 'b'), (1, null), (2, null), (null, 'c')) as t(id, name)"
EVENTS = relation("events")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path)


def measure(context: Context, *columns: str) -> tuple[KeyShape, ...]:
    return measure_keys(context, Pins(context), [(EVENTS, column) for column in columns])


def test_values_are_counted_without_nulls(context: Context) -> None:
    run_steps(context, build("events", ROWS))

    found = measure(context, "id", "name")

    assert found == (
        KeyShape(
            table=EVENTS, column="id", rows=5, nulls=1, keys=2, most=3, squares=10, example="1"
        ),
        KeyShape(
            table=EVENTS,
            column="name",
            rows=5,
            nulls=2,
            keys=3,
            most=1,
            squares=3,
            example=found[1].example,
        ),
    )
    assert (found[0].is_key, found[1].is_key) == (False, True)
    assert (found[0].rows_per_key, found[0].top_share) == (2.0, 0.6)


def test_a_column_of_nulls_has_no_value(context: Context) -> None:
    run_steps(context, build("events", "select null::bigint as id from range(3)"))

    [found] = measure(context, "id")

    assert (found.rows, found.nulls, found.keys, found.most) == (3, 3, 0, 0)
    assert (found.is_key, found.rows_per_key) == (True, 0.0)


def test_what_cannot_be_counted_is_left_out(context: Context) -> None:
    run_steps(context, build("events", ROWS))

    assert measure(context, "gone") == ()
    assert measure_keys(context, Pins(context), [(relation("never_built"), "id")]) == ()


def test_of_a_large_table_only_the_first_files_are_counted(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyshapes, "ROWS_MAX", 6)
    run_steps(context, build("events", ROWS))
    run_steps(context, append("events", ROWS, version=0))

    [found] = measure(context, "id")

    assert (found.rows, found.is_sample) == (5, True)


def test_only_so_many_columns_are_counted(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyshapes, "COLUMNS_MAX", 1)
    run_steps(context, build("events", ROWS))

    assert [each.column for each in measure(context, "id", "name")] == ["id"]


def test_columns_of_one_table_share_the_rows_that_are_counted_for_a_plan(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_steps(context, build("events", ROWS))
    monkeypatch.setattr(keyshapes, "ROWS_ALL_MAX", 5)

    assert [shape.column for shape in measure(context, "id", "name")] == ["id"]
