"""Two tables compared by a key, and the values of their columns, as any other count would say."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runs.world import append, build, opened, run_steps

from headwater.base.errors import Invalid
from headwater.runs.context import Context
from headwater.runs.differences import Difference, DiffOptions, compare_sides, find_side
from headwater.runs.pairs import ROWS_SHOWN_MAX

START = "select i as id, i % 7 as n, 'old' as s from range(1000) t(i)"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path, build("t", START))


def diff(context: Context, left: str, right: str, *key: str, profiles: bool = False) -> Difference:
    options = DiffOptions(key=key, profiles=profiles)
    return compare_sides(context, find_side(context, left), find_side(context, right), options)


def rows_as_sql(rows: dict[tuple[int, str], tuple[int | None, str | None]]) -> str:
    def literal(value: object) -> str:
        return "null" if value is None else f"'{value}'" if isinstance(value, str) else str(value)

    values = ", ".join(
        f"({a}, '{b}', {literal(x)}, {literal(y)})" for (a, b), (x, y) in rows.items()
    )
    typed = "a::int as a, b::varchar as b, x::int as x, y::varchar as y"
    return f"select {typed} from (values {values}, (-1, '', 0, '')) v(a, b, x, y)"


@pytest.mark.parametrize("seed", range(4))
def test_rows_by_key_are_counted_as_a_dictionary_would(context: Context, seed: int) -> None:
    pick = random.Random(seed)  # noqa: S311 - no secret

    def rows() -> dict[tuple[int, str], tuple[int | None, str | None]]:
        return {
            (pick.randrange(30), pick.choice("pq")): (
                pick.choice([None, 1, 2]),
                pick.choice([None, "", "x"]),
            )
            for _ in range(40)
        }

    before, after = rows(), rows()
    run_steps(context, build("one", rows_as_sql(before)))
    run_steps(context, build("two", rows_as_sql(after)))

    found = diff(context, "one", "two", "a", "b")

    both = before.keys() & after.keys()
    changed = {key for key in both if before[key] != after[key]}
    assert found.rows_removed == len(before.keys() - after.keys())
    assert found.rows_added == len(after.keys() - before.keys())
    assert found.rows_changed == len(changed)
    assert found.columns_differing == {
        name: count
        for at, name in enumerate("xy")
        if (count := sum(before[key][at] != after[key][at] for key in both))
    }
    shown = [(int(str(row.key[0])), str(row.key[1])) for row in found.changed]
    assert shown == sorted(changed)[:ROWS_SHOWN_MAX]


def test_a_changed_row_shows_the_columns_that_differ(context: Context) -> None:
    sql = "select id, if(id = 5, 9, n) as n, if(id = 5, null, s) as s from ({})"
    run_steps(context, build("u", sql.format(START)))

    found = diff(context, "t", "u", "ID")

    [row] = found.changed
    assert (found.key, row.key) == (("id",), ("5",))
    assert [(each.column, each.left, each.right) for each in row.values] == [
        ("n", "5", "9"),
        ("s", "old", None),
    ]


def test_a_null_in_a_key_is_a_value_like_others(context: Context) -> None:
    run_steps(context, build("u", "select null::int as id, 1 as n union all select 1, 1"))
    run_steps(context, build("v", "select null::int as id, 2 as n union all select 1, 1"))

    found = diff(context, "u", "v", "id")

    assert (found.rows_removed, found.rows_added, found.rows_changed) == (0, 0, 1)
    assert found.changed[0].key == (None,)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_key_that_repeats_is_none_and_says_so(context: Context, side: str) -> None:
    run_steps(context, build("u", f"{START} union all select 3, 3, 'other'"))
    names = ("u", "t") if side == "left" else ("t", "u")

    found = diff(context, *names, "id")

    assert found.key == ()
    assert found.key_note == f"a key is there more than once on the {side}: (id) is none"
    assert found.rows_removed + found.rows_added == 1


def test_versions_are_compared_by_what_differs_between_their_files(context: Context) -> None:
    run_steps(context, append("t", "select 5000 as id, 1 as n, 'new' as s", 0))

    found = diff(context, "t@v0", "t", "id")

    assert (found.rows_left, found.rows_right, found.rows_added) == (1000, 1001, 1)
    assert found.added == (("5000", "1", "new"),)


def test_a_table_whose_every_column_is_the_key_has_no_changed_rows(context: Context) -> None:
    run_steps(context, build("u", "select 1 as a union all select 2"))
    run_steps(context, build("v", "select 2 as a union all select 3"))

    found = diff(context, "u", "v", "a")

    assert (found.rows_removed, found.rows_added, found.rows_changed) == (1, 1, 0)


def test_what_is_shown_is_bounded(context: Context) -> None:
    wide = ", ".join(f"{{}} || repeat('x', 5000) as c{i}" for i in range(60))
    for name, sign in (("u", "'a'"), ("v", "'b'")):
        run_steps(
            context, build(name, f"select i as id, {wide.replace('{}', sign)} from range(50) t(i)")
        )

    found = diff(context, "u", "v", "id")

    assert (found.rows_changed, len(found.changed)) == (50, ROWS_SHOWN_MAX)
    assert (len(found.changed[0].values), found.changed[0].more) == (20, 40)
    assert len(str(found)) < 150_000


def test_columns_are_profiled_on_both_sides(context: Context) -> None:
    run_steps(
        context,
        build(
            "u",
            "select i as id, if(i < 10, null, i % 7 + 1) as n, 'new' as s from range(1000) t(i)",
        ),
    )

    found = diff(context, "t", "u", profiles=True)

    n = next(pair for pair in found.profiles if pair.column == "n")
    s = next(pair for pair in found.profiles if pair.column == "s")
    assert (n.left.nulls, n.right.nulls) == (0, 10)
    assert (n.left.minimum, n.right.maximum) == ("0", "7")
    assert n.left.distinct == pytest.approx(7, abs=1)
    assert n.left.mean == pytest.approx(sum(i % 7 for i in range(1000)) / 1000)
    assert (s.left.minimum, s.right.minimum, s.left.mean) == ("old", "new", None)


def test_nested_values_are_compared_and_only_their_nulls_counted(context: Context) -> None:
    for name, last in (("u", "3"), ("v", "4")):
        sql = f"select 1 as id, [1, {last}] as l, {{'a': {last}}} as r, map {{1: {last}}} as m"
        run_steps(context, build(name, sql))

    found = diff(context, "u", "v", "id", profiles=True)

    assert found.columns_differing == {"l": 1, "r": 1, "m": 1}
    assert [pair.left.distinct for pair in found.profiles] == [1, None, None, None]


@pytest.mark.parametrize("key", ["gone", "n; drop table t", ""])
def test_a_key_of_another_column_is_refused(context: Context, key: str) -> None:
    with pytest.raises(Invalid) as caught:
        diff(context, "t", "t", key)

    assert caught.value.code == "diff-key"


def test_a_column_of_another_type_is_no_key(context: Context) -> None:
    run_steps(context, build("u", "select i::varchar as id, i as n from range(5) t(i)"))

    with pytest.raises(Invalid) as caught:
        diff(context, "t", "u", "id")

    assert caught.value.code == "diff-key"
