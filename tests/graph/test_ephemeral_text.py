"""CTEs of ephemeral models are put in front of a query's own, wherever these begin."""

import pytest

from headwater.graph.ephemeral import inject

CTES = [("a", "select 1 as id")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select * from a", "with a as (\nselect 1 as id\n) select * from a"),
        ("with b as (select 2) from b", "with  a as (\nselect 1 as id\n), b as (select 2) from b"),
        (
            "with /* own */ recursive b as (select 2) from b",
            "with /* own */ recursive  a as (\nselect 1 as id\n), b as (select 2) from b",
        ),
    ],
)
def test_ctes_come_before_those_of_the_query(query: str, expected: str) -> None:
    assert inject(query, CTES) == expected


def test_a_query_may_begin_with_many_blanks() -> None:
    query = f"with{' ' * 80}b as (select 2) from b"

    assert inject(query, CTES).endswith(" a as (\nselect 1 as id\n), b as (select 2) from b")
