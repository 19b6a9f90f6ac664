"""Results answer as agate's tables do, which packages were written against."""

from headwater.jinja.table import ResultTable


def plain(table: ResultTable) -> list[tuple[object, ...]]:
    return [tuple(row) for row in table.rows]


ROWS = ResultTable(("day", "n"), [("mo", 3), ("tu", None), ("mo", 1)])


def test_rows_are_grouped_by_the_values_of_a_column() -> None:
    found = ROWS.group_by("day")

    assert found.keys() == ("mo", "tu")
    assert [plain(each) for each in found.values()] == [[("mo", 3), ("mo", 1)], [("tu", None)]]
    assert found.get("we") is None


def test_rows_and_columns_are_chosen() -> None:
    assert plain(ROWS.exclude("day")) == [(3,), (None,), (1,)]
    assert plain(ROWS.where(lambda row: row["day"] == "tu")) == [("tu", None)]
    assert plain(ROWS.limit(1)) == [("mo", 3)]
    assert plain(ROWS.limit(1, 3)) == [("tu", None), ("mo", 1)]
    assert plain(ROWS.distinct("day")) == [("mo", 3), ("tu", None)]


def test_nulls_come_last_in_an_order() -> None:
    assert ROWS.order_by("n").columns["n"].values() == (1, 3, None)
    assert ROWS.order_by(("day", "n"), reverse=True).rows[0] == ("tu", None)


def test_a_table_is_shown_as_csv() -> None:
    assert ROWS.print_csv() == "day,n\nmo,3\ntu,\nmo,1\n"
