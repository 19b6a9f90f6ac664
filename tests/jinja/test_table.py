"""Results answer as agate's tables do, which packages were written against."""

from headwater.jinja.table import ResultTable

ROWS = ResultTable(("day", "n"), [("mo", 3), ("tu", None), ("mo", 1)])


def test_rows_are_grouped_by_the_values_of_a_column() -> None:
    found = ROWS.group_by("day")

    assert found.keys() == ("mo", "tu")
    assert [each.rows for each in found.values()] == [(("mo", 3), ("mo", 1)), (("tu", None),)]
    assert found.get("we") is None


def test_rows_and_columns_are_chosen() -> None:
    assert ROWS.exclude("day").rows == ((3,), (None,), (1,))
    assert ROWS.where(lambda row: row["day"] == "tu").rows == (("tu", None),)
    assert ROWS.limit(1).rows == (("mo", 3),)
    assert ROWS.limit(1, 3).rows == (("tu", None), ("mo", 1))
    assert ROWS.distinct("day").rows == (("mo", 3), ("tu", None))


def test_nulls_come_last_in_an_order() -> None:
    assert ROWS.order_by("n").columns["n"].values() == (1, 3, None)
    assert ROWS.order_by(("day", "n"), reverse=True).rows[0] == ("tu", None)


def test_a_table_is_shown_as_csv() -> None:
    assert ROWS.print_csv() == "day,n\nmo,3\ntu,\nmo,1\n"
