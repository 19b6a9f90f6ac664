"""A merge gives what a full recomputation would, and touches only the files it must."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engines.tables import Table

from headwater.base.errors import DataDamaged, Invalid, UserCodeError
from headwater.engines.duckdb.merge_files import divide
from headwater.engines.engine import EngineSettings, WriteMerge
from headwater.engines.registry import open_engine
from headwater.lake.snapshot import DataFile

Row = tuple[int | None, str | None, str | None]


def merge(table: Table, *key: str, **options: object) -> WriteMerge:
    return WriteMerge(target=table.snapshot, unique_key=key, **options)  # type: ignore[arg-type]


def as_sql(rows: list[Row]) -> str:
    def text(value: object) -> str:
        return "null" if value is None else f"'{value}'"

    values = ", ".join(f"({'null' if k is None else k}, {text(p)}, {text(v)})" for k, p, v in rows)
    body = f"values {values}" if rows else "select null, null, null where false"
    return f"select k::integer as k, p::varchar as p, v::varchar as v from ({body}) as t(k, p, v)"


def recomputed(batches: list[list[Row]]) -> list[Row]:
    """What the table must hold: the last row of each key, and every row without one."""
    by_key: dict[int, Row] = {}
    loose: list[Row] = []
    for batch in batches:
        for row in batch:
            if row[0] is None:
                loose.append(row)
            else:
                by_key[row[0]] = row
    return [*by_key.values(), *loose]


def one_row_a_key(rows: list[Row]) -> list[Row]:
    return [*{row[0]: row for row in rows if row[0] is not None}.values()] + [
        row for row in rows if row[0] is None
    ]


def in_order(rows: list[tuple[object, ...]]) -> list[str]:
    return sorted(map(repr, rows))


ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(0, 12),
        st.none() | st.sampled_from(["a", "b c", "d/e"]),
        st.none() | st.text("xyz'", min_size=1, max_size=3).map(lambda text: text.replace("'", "")),
    ),
    max_size=12,
).map(one_row_a_key)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    batches=st.lists(ROWS, min_size=2, max_size=4),
    partitioned=st.booleans(),
    mode=st.sampled_from(["copy_on_write", "merge_on_read"]),
)
def test_merging_batches_equals_recomputing_from_all(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[Row]],
    mode: str,
    *,
    partitioned: bool,
) -> None:
    engine = open_engine(EngineSettings(kind="duckdb", threads=1, memory_limit_bytes=2**28))
    session = engine.open_session(catalog="shop", schema="main")
    table = Table(
        session=session,
        root=tmp_path_factory.mktemp("merge"),
        partition_by=("p",) if partitioned else (),
    )
    table.write(as_sql(batches[0]))

    for batch in batches[1:]:
        before = len(table.rows())
        written = table.write(as_sql(batch), merge(table, "k", files=mode))
        after = len(table.rows())
        assert after - before == written.rows_inserted - written.rows_deleted
        assert written.rows_inserted + written.rows_updated == len(batch)

    found = table.rows()
    engine.close()
    assert in_order(found) == in_order(list(recomputed(batches)))


def test_files_that_cannot_match_are_not_rewritten(table: Table) -> None:
    table.write("select i, 'old' as s from range(0, 100) as t(i)")
    table.write("select i, 'old' as s from range(100, 200) as t(i)")
    second = table.writes[1].added[0].path

    written = table.write("select 150 as i, 'new' as s", merge(table, "i"))

    assert written.removed == (second,)
    assert table.rows("count(*), max(s) filter (i = 150), max(s) filter (i = 5)") == [
        (200, "new", "old")
    ]


@pytest.mark.parametrize(
    "kind",
    [
        "INTEGER",
        "BIGINT",
        "DECIMAL(9, 2)",
        "VARCHAR",
        "DATE",
        "TIMESTAMP",
        "TIMESTAMP WITH TIME ZONE",
    ],
)
def test_files_between_far_keys_are_not_even_opened(table: Table, kind: str) -> None:
    values = {
        "VARCHAR": "lpad(i::VARCHAR, 3, '0') || repeat('x', 40)",
        "DATE": "DATE '2026-01-01' + i::INTEGER",
        "TIMESTAMP": "TIMESTAMP '2026-01-01' + to_microseconds(i * 9900)",
        "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ '2026-01-01' + to_microseconds(i * 9900)",
    }
    row = f"{values.get(kind, f'i::{kind}')} AS k"
    for start in (0, 100, 200):
        table.write(f"select {row}, 'old' as s from range({start}, {start + 100}) as t(i)")
    (table.root / table.writes[1].added[0].path).unlink()

    written = table.session.write(
        f"select {row}, 'new' as s from (values (0), (99), (200), (299)) t(i)",
        merge(table, "k"),
        table.destination(),
    )

    assert (len(written.removed), written.rows_updated, written.rows_inserted) == (2, 4, 0)


def test_files_without_bounds_are_looked_into(table: Table) -> None:
    for start in (0, 100, 200):
        table.write(f"select {start} + 1e0 as k, 'old' as s")

    written = table.write("select 100 + 1e0 as k, 'new' as s", merge(table, "k"))

    assert (written.rows_updated, len(written.removed)) == (1, 1)


def test_files_that_cannot_match_are_not_even_opened(table: Table) -> None:
    table.write("select i, 'old' as s from range(0, 100) as t(i)")
    table.write("select i, 'old' as s from range(100, 200) as t(i)")
    (table.root / table.writes[0].added[0].path).unlink()

    written = table.session.write(
        "select 150 as i, 'new' as s", merge(table, "i"), table.destination()
    )

    assert written.rows_updated == 1


def test_files_that_could_match_but_do_not_are_not_rewritten(table: Table) -> None:
    table.write("select i * 2 as i, 'even' as s from range(0, 100) as t(i)")

    written = table.write("select 51 as i, 'odd' as s", merge(table, "i"))

    assert written.removed == ()
    assert (written.rows_inserted, written.rows_updated) == (1, 0)


def test_nothing_to_merge_writes_nothing(table: Table) -> None:
    table.write("select 1 as i, 'a' as s")

    written = table.write("select 1 as i, 'b' as s where false", merge(table, "i"))

    assert (written.added, written.removed, written.rows_inserted) == ((), (), 0)


def test_keys_of_several_columns_match_together(table: Table) -> None:
    table.write("select a, b, 'old' as s from (values (1, 'x'), (1, 'y'), (2, 'x')) as t(a, b)")

    written = table.write("select 1 as a, 'y' as b, 'new' as s", merge(table, "a", "B"))

    assert table.rows() == [(1, "x", "old"), (1, "y", "new"), (2, "x", "old")]
    assert (written.rows_inserted, written.rows_updated) == (0, 1)


def test_a_row_can_move_to_another_partition(table: Table) -> None:
    table.partition_by = ("p",)
    table.write("select i, 'a' as p from range(3) as t(i)")

    table.write("select 1 as i, 'b' as p", merge(table, "i"))

    assert table.rows() == [(0, "a"), (1, "b"), (2, "a")]


def test_only_named_columns_are_updated(table: Table) -> None:
    table.write("select 1 as i, 'old' as a, 'old' as b, 'old' as c")

    table.write(
        "select 1 as i, 'new' as a, 'new' as b, 'new' as c union all select 2, 'n', 'n', 'n'",
        merge(table, "i", update_columns=("A", "b"), exclude_columns=("b",)),
    )

    assert table.rows() == [(1, "new", "old", "old"), (2, "n", "n", "n")]


def test_columns_meet_by_name(table: Table) -> None:
    table.write("select 1 as i, 'old' as gone, 'old' as s")

    written = table.write("select 'new' as s, 1::bigint as I, 5 as extra", merge(table, "i"))
    table.write("select 2 as i, 'x' as s", merge(table, "i"))

    assert [column.name for column in written.columns] == ["i", "gone", "s", "extra"]
    assert table.rows() == [(1, "old", "new", 5), (2, None, "x", None)]


def test_values_take_the_tables_types_or_fail(table: Table) -> None:
    table.write("select 1::smallint as i, 1.5::decimal(5,2) as x")

    table.write("select 1::bigint as i, 2.25::double as x", merge(table, "i"))
    with pytest.raises(UserCodeError):
        table.write("select 100000 as i, 1 as x", merge(table, "i"))

    assert [column.type for column in table.snapshot.columns] == ["SMALLINT", "DECIMAL(5,2)"]
    assert [str(row[1]) for row in table.rows()] == ["2.25"]


def test_hidden_rows_stay_hidden_when_their_file_is_rewritten(table: Table) -> None:
    table.write("select i, 'old' as s from range(4) as t(i)")
    hidden = replace(table.writes[0].added[0], deleted_rows=(0, 1))
    table.writes[0] = replace(table.writes[0], added=(hidden,))

    written = table.write("select unnest([1, 2]) as i, 'new' as s", merge(table, "i"))

    assert table.rows() == [(1, "new"), (2, "new"), (3, "old")]
    assert (written.rows_inserted, written.rows_updated) == (1, 1)


def test_duplicates_are_shown_five_at_most(table: Table) -> None:
    table.write("select 1 as i, 'a' as s")
    sql = "select i % 50 as i, 'x' as s from range(150) as t(i)"

    with pytest.raises(Invalid) as caught:
        table.write(sql, merge(table, "i"))

    assert caught.value.code == "merge-duplicate-keys"
    assert caught.value.what.endswith("0 (3 rows); 1 (3 rows); 2 (3 rows); 3 (3 rows); 4 (3 rows)")


def test_rows_without_a_key_are_no_duplicates(table: Table) -> None:
    table.write("select 1 as i, 'a' as s")

    table.write("select null::int as i, 'b' as s from range(3)", merge(table, "i"))

    assert table.rows("count(*)") == [(4,)]


def test_delete_and_insert_replaces_all_rows_of_a_key(table: Table) -> None:
    table.partition_by = ("p",)
    table.write("select i % 3 as i, i as v, i % 2 as p from range(9) as t(i)")

    written = table.write(
        "select 1 as i, 100 as v, 0 as p", merge(table, "i", delete_matching=True)
    )

    assert (written.rows_inserted, written.rows_updated, written.rows_deleted) == (1, 0, 3)
    assert table.rows("i, v") == [(0, 0), (0, 3), (0, 6), (1, 100), (2, 2), (2, 5), (2, 8)]


@pytest.mark.parametrize("files", ["copy_on_write", "merge_on_read", "auto"])
def test_rows_of_wanted_keys_are_replaced_and_null_is_a_key(table: Table, files: str) -> None:
    table.write("select nullif(i % 4, 3)::int as i, i as v from range(12) as t(i)")
    keys = "select unnest([1, null, 7, 1])::int as k"
    mode = merge(table, "i", delete_matching=True, keys=keys, files=files)

    written = table.write("select null::int as i, 100 as v union all select 7, 200", mode)

    assert (written.rows_inserted, written.rows_deleted) == (2, 6)
    kept = [(0, 0), (0, 4), (0, 8), (2, 2), (2, 6), (2, 10)]
    assert table.rows("i, v") == [*kept, (7, 200), (None, 100)]


def test_keys_without_any_row_take_nothing_away(table: Table) -> None:
    table.write("select i, i as v from range(3) as t(i)")
    mode = merge(table, "i", delete_matching=True, keys="select 1::bigint as k limit 0")

    table.write("select 1::bigint as i, 9 as v", mode)

    assert table.rows("i, v") == [(0, 0), (1, 1), (1, 9), (2, 2)]


@pytest.mark.parametrize(
    ("key", "options", "missing"),
    [
        (("nope",), {}, "nope"),
        (("only_old",), {}, "only_old"),
        ((), {}, "unique_key"),
        (("i",), {"update_columns": ("typo",)}, "typo"),
    ],
)
def test_columns_that_are_not_there_are_named(
    table: Table, key: tuple[str, ...], options: dict[str, tuple[str, ...]], missing: str
) -> None:
    table.write("select 1 as i, 2 as only_old")

    with pytest.raises(Invalid) as caught:
        table.write("select 1 as i", merge(table, *key, **options))

    assert caught.value.code == "merge-column-missing"
    assert missing in caught.value.what


def test_a_log_that_miscounts_rows_is_found_out(table: Table) -> None:
    table.write("select i, 'old' as s from range(4) as t(i)")
    wrong = replace(table.writes[0].added[0], rows=5)
    table.writes[0] = replace(table.writes[0], added=(wrong,))

    with pytest.raises(DataDamaged) as caught:
        table.write("select 1 as i, 'new' as s", merge(table, "i"))

    assert caught.value.code == "data-file-mismatch"
    assert table.files() == {wrong.path}


def test_merges_can_follow_each_other_in_one_session(table: Table, tmp_path: Path) -> None:
    table.write("select 1 as i, 0 as v")

    for value in range(1, 6):
        table.write(f"select {value % 3} as i, {value} as v", merge(table, "i"))

    assert table.rows() == [(0, 3), (1, 4), (2, 5)]
    assert tmp_path.exists()


def big(table: Table, rows: int = 1000) -> None:
    """Write a table of one file, of which a few rows are a small share."""
    table.write(f"select i, 'old' as s, i as n from range({rows}) as t(i)")


@pytest.mark.parametrize("delete_matching", [False, True], ids=["merge", "delete+insert"])
def test_rows_are_hidden_and_their_file_stays(table: Table, *, delete_matching: bool) -> None:
    big(table)
    mode = merge(table, "i", files="merge_on_read", delete_matching=delete_matching)

    written = table.write("select unnest([7, 9, 2000]) as i, 'new' as s, -1 as n", mode)

    assert (written.removed, [file.deleted_rows for file in written.hidden]) == ((), [(7, 9)])
    assert written.meter.rows_written == 3
    assert table.rows("count(*), count(*) filter (s = 'new'), sum(n)") == [(1001, 3, 499481)]
    counted = (written.rows_inserted, written.rows_updated, written.rows_deleted)
    assert counted == ((3, 0, 2) if delete_matching else (1, 2, 0))


@pytest.mark.parametrize("files", ["copy_on_write", "merge_on_read"])
def test_rows_that_do_not_meet_a_predicate_match_nothing(table: Table, files: str) -> None:
    table.write("select i, 'old' as s, i as row, 1.5 as file from range(4) as t(i)")
    conditions = ("DBT_INTERNAL_DEST.row <> 2", "DBT_INTERNAL_SOURCE.s = 'new'")
    mode = merge(table, "i", files=files, predicates=conditions)

    written = table.write("select unnest([1, 2, 9]) as i, 'new' as s, -1 as row", mode)

    assert table.rows("i, s, row, file") == [
        (0, "old", 0, 1.5),
        (1, "new", -1, 1.5),
        (2, "new", -1, None),
        (2, "old", 2, 1.5),
        (3, "old", 3, 1.5),
        (9, "new", -1, None),
    ]
    assert (written.rows_inserted, written.rows_updated, written.rows_deleted) == (2, 1, 0)


@pytest.mark.parametrize("files", ["copy_on_write", "merge_on_read"])
@pytest.mark.parametrize("condition", ["row <> 2", "DBT_INCREMENTAL_TARGET.row <> 2"])
def test_rows_that_do_not_meet_a_predicate_are_not_deleted(
    table: Table, files: str, condition: str
) -> None:
    table.write("select i, 'old' as s, i as row from range(4) as t(i)")
    mode = merge(table, "i", files=files, predicates=(condition,), delete_matching=True)

    written = table.write("select unnest([1, 2, 9]) as i, 'new' as s, -1 as row", mode)

    assert table.rows("i, s") == [
        (0, "old"), (1, "new"), (2, "new"), (2, "old"), (3, "old"), (9, "new"),
    ]  # fmt: skip
    assert (written.rows_inserted, written.rows_updated, written.rows_deleted) == (3, 0, 1)


def test_a_predicate_that_is_no_sql_is_the_users_fault(table: Table) -> None:
    table.write("select 1 as i")

    with pytest.raises(UserCodeError):
        table.write("select 1 as i", merge(table, "i", predicates=("i = ) or (",)))

    assert table.rows("count(*)") == [(1,)]


def test_rows_hidden_before_stay_hidden_and_are_not_matched_again(table: Table) -> None:
    big(table)
    for value in ("first", "second", "third"):
        sql = f"select unnest([3, 5]) as i, '{value}' as s, 0 as n"
        written = table.write(sql, merge(table, "i", files="merge_on_read"))
        assert written.rows_updated == 2

    assert table.rows("count(*), count(distinct i), count(*) filter (s = 'third')") == [
        (1000, 1000, 2)
    ]
    old = next(file for file in table.snapshot.files if file.rows == 1000)
    assert old.deleted_rows == (3, 5)


def test_a_file_whose_rows_are_all_replaced_is_removed_without_being_read(table: Table) -> None:
    big(table)
    table.write("select i, 'late' as s, 0 as n from range(2000, 2010) as t(i)")
    late = table.writes[-1].added[0].path

    mode = merge(table, "i", files="merge_on_read")
    written = table.write("select i, 'new' as s, 1 as n from range(2000, 2010) as t(i)", mode)

    assert (written.removed, written.hidden) == ((late,), ())
    assert table.rows("count(*), count(*) filter (s = 'new')") == [(1010, 10)]


def test_a_file_that_would_hide_many_rows_is_written_again(table: Table) -> None:
    big(table)

    mode = merge(table, "i", files="merge_on_read")
    written = table.write("select i, 'new' as s, 1 as n from range(300) as t(i)", mode)

    assert (len(written.removed), written.hidden) == (1, ())
    assert table.rows("count(*), count(*) filter (s = 'new')") == [(1000, 300)]


def test_one_merge_hides_rewrites_and_empties_files_together(table: Table) -> None:
    for start in (0, 1000, 2000):
        table.write(f"select i, 'old' as s, i as n from range({start}, {start + 1000}) t(i)")
    keys = "[5, 6] || range(1000, 1500) || range(2000, 3000) || [9999]"

    mode = merge(table, "i", files="merge_on_read", update_columns=("s",))
    written = table.write(f"select unnest({keys}) as i, 'new' as s, -1 as n", mode)

    assert (len(written.hidden), len(written.removed)) == (1, 2)
    assert (written.rows_updated, written.rows_inserted) == (1502, 1)
    assert table.rows("count(*), sum(n), count(*) filter (s = 'new')") == [
        (3001, 2999 * 1500 - 1, 1503)
    ]


def test_columns_that_are_not_updated_are_read_from_the_hidden_row(table: Table) -> None:
    big(table)

    mode = merge(table, "i", files="merge_on_read", exclude_columns=("n",))
    table.write("select 4 as i, 'new' as s, -1 as n", mode)
    table.write("select 5 as i, 'x' as s", merge(table, "i", files="merge_on_read"))

    assert table.rows("*", "i")[4:6] == [(4, "new", 4), (5, "x", 5)]


def test_a_key_that_the_table_holds_twice_is_updated_twice(table: Table) -> None:
    table.write("select i % 500 as i, 'old' as s from range(1000) as t(i)")

    written = table.write("select 3 as i, 'new' as s", merge(table, "i", files="merge_on_read"))

    assert written.rows_updated == 2
    assert table.rows("count(*), count(*) filter (s = 'new')") == [(1000, 2)]


def test_the_tables_zero_keeps_its_sign(table: Table) -> None:
    table.write("select i::double * -1 as k, 'old' as s from range(100) as t(i)")

    table.write("select 0.0::double as k, 'new' as s", merge(table, "k", files="merge_on_read"))

    assert table.rows("count(*), min(1 / k) filter (s = 'new')") == [(100, float("-inf"))]


def test_automatic_choice_leaves_small_tables_free_of_hidden_rows(table: Table) -> None:
    big(table)

    written = table.write("select 4 as i, 'new' as s, -1 as n", merge(table, "i", files="auto"))

    assert (len(written.removed), written.hidden) == (1, ())


MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("sizes", "features", "hits", "expected"),
    [
        ((40,), (), (1,), "h"),
        ((20, 20), (), (1, 1), "hh"),
        ((16, 16), (), (1, 1), "rr"),
        ((16,), ("deletionVectors",), (1,), "h"),
        ((2, 16), ("deletionVectors",), (1, 1), "rh"),
        ((40,), (), (100,), "h"),
        ((40,), (), (101,), "r"),
        ((40,), (), (1000,), "e"),
    ],
)
def test_automatic_choice_weighs_writing_against_reading(
    sizes: tuple[int, ...], features: tuple[str, ...], hits: tuple[int, ...], expected: str
) -> None:
    files = [
        DataFile(path=f"f{number}", size_bytes=size * MEGABYTE, rows=1000)
        for number, size in enumerate(sizes)
    ]
    matched = {f"/t/f{number}": count for number, count in enumerate(hits)}

    found = divide(files, matched, "auto", root="/t", features=features)

    ends = {file.path: "r" for file in found.rewritten} | {f.path: "h" for f in found.hiding}
    ends |= {file.path: "e" for file in found.emptied}
    assert "".join(ends[file.path] for file in files) == expected


def test_a_file_without_a_row_count_is_written_again() -> None:
    file = DataFile(path="f", size_bytes=40 * MEGABYTE, rows=None)

    found = divide([file], {"/t/f": 1}, "merge_on_read", root="/t", features=())

    assert found.rewritten == (file,)
