"""Filters that hide a column inside a function, and the same filters of the column itself."""

import duckdb
import pytest

from headwater.sql.unwrap import unwrapped_or_none

CASES = [
    ("year(c) = 2026", "c >= '2026-01-01' AND c < '2027-01-01'"),
    ("2026 <= year(c)", "c >= '2026-01-01'"),
    ("extract(year from c) > 2025", "c >= '2026-01-01'"),
    ("date_part('year', c) < 2026", "c < '2026-01-01'"),
    ("date_trunc('month', c) = date '2026-02-01'", "c >= '2026-02-01' AND c < '2026-03-01'"),
    ("date_trunc('quarter', c) <= '2026-10-01'", "c < '2027-01-01'"),
    ("date_trunc('week', c) = '2026-01-05'", "c >= '2026-01-05' AND c < '2026-01-12'"),
    ("strftime(c, '%Y-%m') = '2026-12'", "c >= '2026-12-01' AND c < '2027-01-01'"),
    ("strftime(c, '%Y') = '2026'", "c >= '2026-01-01' AND c < '2027-01-01'"),
    ("c::date = '2026-01-31'", "c >= '2026-01-31' AND c < '2026-02-01'"),
    (
        "cast(c as date) between '2026-01-01' and '2026-01-31'",
        "c >= '2026-01-01' AND c < '2026-02-01'",
    ),
    ("coalesce(n, 0) = 5", "n = 5"),
    ("coalesce(n, 0) = 5 or (c is null and n = 1)", "n = 5"),
    ("not year(c) = 2026", "c >= '2026-01-01' AND c < '2027-01-01'"),
]


@pytest.mark.parametrize(("written", "plain"), CASES)
def test_a_wrapped_filter_is_written_plainly(written: str, plain: str) -> None:
    found = unwrapped_or_none(f"select * from t where {written}")

    assert found is not None
    assert [instead for _, instead in found.changes] == [plain]


@pytest.mark.parametrize("written", [written for written, _ in CASES])
def test_the_plain_filter_keeps_the_same_rows(written: str) -> None:
    sql = f"select c, n from t where {written} order by all"
    found = unwrapped_or_none(sql)
    assert found is not None
    with duckdb.connect() as connection:
        connection.execute(
            "create table t as select c, case when i % 3 = 0 then null else i % 7 end as n from "
            "(select timestamp '2025-11-28 23:30:00' + i * interval 5 hour as c, i "
            "from range(2200) r(i))"
        )
        kept = connection.execute(sql).fetchall()
        plain = connection.execute(found.sql).fetchall()

    assert kept
    assert plain == kept


@pytest.mark.parametrize(
    "written",
    [
        "c >= '2026-01-01'",
        "month(c) = 1",
        "year(c) = n",
        "year(c) = 20260",
        "year(c) + 1 = 2026",
        "date_trunc('month', c) = '2026-02-03'",  # holds for no row
        "date_trunc('hour', c) = '2026-02-01'",
        "strftime(c, '%d.%m.%Y') = '01.02.2026'",
        "c::date = 'soon'",
        "try_cast(c as date) = '2026-01-01'",
        "coalesce(n, 5) = 5",
        "coalesce(n, 5) = 5.0",
        "coalesce(c, '2026-1-1') = '2026-01-01'",
        "not coalesce(n, 0) = 5",  # holds of a null
        "(coalesce(n, 0) = 5) is false",
        "coalesce(n, 0) > 5",
        "c::date = timestamp '2026-01-01 12:00:00'",
        "year(c) = 9999",
    ],
)
def test_what_is_not_understood_stays(written: str) -> None:
    assert unwrapped_or_none(f"select * from t where {written}") is None


@pytest.mark.parametrize("sql", ["select (", "", "select year(c) = 2026 from t"])
def test_what_has_no_such_filter_is_none(sql: str) -> None:
    assert unwrapped_or_none(sql) is None
