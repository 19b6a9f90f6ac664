"""The harbor's raw data: the same from the same seed, and as messy as the knobs say."""

import dataclasses
import datetime as dt
from collections.abc import Iterator

import duckdb
import pytest
from examples.harbor.generator.raw import TABLES, Knobs, raw_sql

SMALL = Knobs(scale=0.001)
LARGER = Knobs(scale=0.01)
MONTH = range(30)


@pytest.fixture
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def month() -> Iterator[duckdb.DuckDBPyConnection]:
    """All tables with the default knobs at scale 0.01."""
    with duckdb.connect() as connection:
        for table in TABLES:
            connection.execute(
                f"create table {table} as {raw_sql(table, LARGER, MONTH)}"
            ).fetchall()
        yield connection


def one(engine: duckdb.DuckDBPyConnection, sql: str) -> float:
    return float(engine.execute(sql).fetchall()[0][0])


def fingerprint(engine: duckdb.DuckDBPyConnection, table: str, knobs: Knobs) -> tuple[int, int]:
    """Count the rows and add up their hashes: equal for equal multisets of rows."""
    rows = engine.execute(
        f"select count(*), sum(hash(t)::hugeint) from ({raw_sql(table, knobs, MONTH)}) as t"
    ).fetchall()
    return rows[0][0], rows[0][1]


@pytest.mark.parametrize("table", TABLES)
def test_same_seed_gives_same_rows_whatever_the_threads(
    engine: duckdb.DuckDBPyConnection, table: str
) -> None:
    engine.execute("set threads = 1").fetchall()
    first = fingerprint(engine, table, SMALL)
    engine.execute("set threads = 4").fetchall()

    second = fingerprint(engine, table, SMALL)

    assert first[0] > 0
    assert second == first


@pytest.mark.parametrize("table", sorted(set(TABLES) - {"carriers"}))
def test_another_seed_gives_other_rows(engine: duckdb.DuckDBPyConnection, table: str) -> None:
    other = dataclasses.replace(SMALL, seed=8)

    assert fingerprint(engine, table, other) != fingerprint(engine, table, SMALL)


@pytest.mark.parametrize("table", TABLES)
def test_days_loaded_one_by_one_equal_days_loaded_at_once(
    engine: duckdb.DuckDBPyConnection, table: str
) -> None:
    engine.execute(f"create table at_once as {raw_sql(table, SMALL, MONTH)}").fetchall()
    engine.execute("create table by_day as from at_once limit 0").fetchall()
    for batch in (range(20), range(20, 21), range(21, 28), range(28, 29), range(29, 30)):
        engine.execute(f"insert into by_day {raw_sql(table, SMALL, batch)}").fetchall()

    missing = engine.execute("from at_once except all from by_day").fetchall()
    extra = engine.execute("from by_day except all from at_once").fetchall()

    assert (missing, extra) == ([], [])


@pytest.mark.parametrize("table", sorted(set(TABLES) - {"carriers", "tariffs"}))
def test_rows_arrive_on_the_days_asked_for(engine: duckdb.DuckDBPyConnection, table: str) -> None:
    column = "received_at"

    days = engine.execute(
        f"select distinct {column}::date from ({raw_sql(table, LARGER, range(12, 14))})"
    ).fetchall()

    asked_for = {(LARGER.first_day + dt.timedelta(days=day),) for day in (12, 13)}
    assert days
    assert set(days) <= asked_for


def test_ninety_days_at_scale_one_are_ten_million_moves(engine: duckdb.DuckDBPyConnection) -> None:
    hundredth = raw_sql("container_moves", Knobs(scale=0.01), range(90))

    moves = one(engine, f"select count(*) from ({hundredth})")

    assert 90_000 < moves < 110_000


def test_moves_are_as_late_as_the_knob_says(month: duckdb.DuckDBPyConnection) -> None:
    # The last days' late moves have not arrived yet, so only moves of the first 20 days count.
    share = one(
        month,
        f"""
        select count(*) filter (where received_at - moved_at > interval 3 day) / count(*)
        from (
            select min(received_at) as received_at, any_value(moved_at) as moved_at
            from container_moves
            where moved_at < timestamp '{LARGER.first_day}' + to_days(20)
                and move_id is not null
            group by move_id
        )
        """,
    )

    assert share == pytest.approx(0.018, abs=0.003)


def test_no_move_is_later_than_nine_days_or_early(month: duckdb.DuckDBPyConnection) -> None:
    lateness = month.execute(
        "select min(received_at - moved_at), max(received_at - moved_at) from container_moves"
    ).fetchall()

    assert lateness[0][0] >= dt.timedelta(0)
    assert dt.timedelta(days=8) < lateness[0][1] <= dt.timedelta(days=9)


def test_without_late_moves_none_is_three_days_late(engine: duckdb.DuckDBPyConnection) -> None:
    on_time = dataclasses.replace(LARGER, late_share=0.0)

    first_arrivals = f"""
        select count(*)
        from (
            select move_id, min(received_at - moved_at) as lateness
            from ({raw_sql("container_moves", on_time, MONTH)})
            where move_id is not null
            group by move_id
        )
        where lateness > interval 3 day
    """

    assert one(engine, first_arrivals) == 0


def test_one_carrier_has_its_share_of_the_moves(month: duckdb.DuckDBPyConnection) -> None:
    shares = month.execute(
        """
        select carrier_code, count(*) / sum(count(*)) over () as share
        from container_moves
        where carrier_code is not null
        group by carrier_code
        order by share desc
        """
    ).fetchall()

    assert shares[0] == ("NSL", pytest.approx(0.38, abs=0.015))
    assert shares[1][1] < 0.1


def test_some_moves_are_sent_twice_also_in_another_batch(month: duckdb.DuckDBPyConnection) -> None:
    twice = month.execute(
        """
        select
            count(*) / (select count(distinct move_id) from container_moves),
            count(*) filter (where days > 1)
        from (
            select move_id, count(distinct received_at::date) as days
            from container_moves
            where move_id is not null
            group by move_id, updated_at, weight_kg, move_status
            having count(*) > 1
        )
        """
    ).fetchall()

    assert twice[0][0] == pytest.approx(LARGER.duplicate_share, abs=0.004)
    assert twice[0][1] > 50


def test_some_old_states_arrive_last(month: duckdb.DuckDBPyConnection) -> None:
    out_of_order = one(
        month,
        """
        select count(*) filter (where updated_at < newest_before)
        from (
            select
                updated_at,
                max(updated_at) over (
                    partition by move_id
                    order by received_at
                    rows between unbounded preceding and 1 preceding
                ) as newest_before
            from container_moves
            where move_id is not null
        )
        """,
    )

    assert 100 < out_of_order < 300


def test_versions_of_a_move_agree_when_it_happened(month: duckdb.DuckDBPyConnection) -> None:
    disagreeing = one(
        month,
        """
        select count(*)
        from (
            select move_id
            from container_moves
            where move_id is not null
            group by move_id
            having count(distinct moved_at) > 1
        )
        """,
    )

    assert disagreeing == 0


@pytest.mark.parametrize(
    ("sql", "low", "high"),
    [
        ("select avg((move_id is null)::int) from container_moves", 0.001, 0.004),
        ("select avg((carrier_code is null)::int) from container_moves", 0.002, 0.007),
        (
            (
                "select count(distinct call_id) filter (where call_status = 'cancelled') "
                "/ count(distinct call_id) from port_calls"
            ),
            0.01,
            0.08,
        ),
        (
            (
                "select count(*) filter (where invoice_kind = 'correction') "
                "/ count(*) filter (where invoice_kind = 'invoice') from invoices"
            ),
            0.02,
            0.08,
        ),
        ("select count(*) - count(distinct imo) from vessels", 15, 100),
        ("select count(distinct currency) from invoices", 7, 7),
    ],
)
def test_the_mess_is_there(
    month: duckdb.DuckDBPyConnection, sql: str, low: float, high: float
) -> None:
    assert low <= one(month, sql) <= high


def test_amounts_change_their_spelling_on_a_day(month: duckdb.DuckDBPyConnection) -> None:
    day = LARGER.first_day + dt.timedelta(days=LARGER.type_change_day)

    spelled = month.execute(
        f"""
        select distinct received_at >= timestamp '{day}' as is_later, amount like '%,__' as is_comma
        from invoices
        order by is_later
        """
    ).fetchall()

    assert spelled == [(False, True), (True, False)]


def test_corrections_are_negative_in_both_spellings(month: duckdb.DuckDBPyConnection) -> None:
    signs = month.execute(
        """
        select distinct invoice_kind, amount like '-%', corrects_invoice_id is not null
        from invoices
        order by invoice_kind
        """
    ).fetchall()

    assert signs == [("correction", True, True), ("invoice", False, False)]


@pytest.mark.parametrize(
    ("port", "day", "hours"),
    [
        ("USNYC", "2026-03-08", 23),
        ("USLAX", "2026-03-08", 23),
        ("NLRTM", "2026-03-29", 23),
        ("GBFXT", "2026-03-29", 23),
        ("SGSIN", "2026-03-29", 24),
        ("BRSSZ", "2026-03-29", 24),
        ("AUSYD", "2026-03-29", 24),
    ],
)
def test_local_days_lose_an_hour_where_clocks_change(
    month: duckdb.DuckDBPyConnection, port: str, day: str, hours: int
) -> None:
    seen = one(
        month,
        f"""
        select count(*)
        from weather
        where port_code = '{port}' and observed_local::date = date '{day}'
        """,
    )

    assert seen == hours


def test_an_hour_comes_twice_in_sydney(month: duckdb.DuckDBPyConnection) -> None:
    twice = month.execute(
        """
        select observed_local, count(*)
        from weather
        where port_code = 'AUSYD'
        group by observed_local
        having count(*) > 1
        """
    ).fetchall()

    assert twice == [(dt.datetime(2026, 4, 5, 2, 0), 2)]  # noqa: DTZ001 - the station's local clock


@pytest.mark.parametrize("value", ["1; drop table x", None])
def test_a_knob_that_is_no_number_is_refused(value: object) -> None:
    knobs = dataclasses.replace(SMALL, seed=value)  # type: ignore[arg-type]  # the point of the test

    with pytest.raises(TypeError, match="a knob is a number or a date"):
        raw_sql("carriers", knobs, MONTH)
