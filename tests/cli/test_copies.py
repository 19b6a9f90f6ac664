"""``hw table clone`` and ``hw table diff``, as a user calls them."""

import pytest
from tests.cli.conftest import Hw
from tests.cli.test_commands import check_schema

from headwater.cli.proposals import line
from headwater.plan.proposed import Proposal


def test_a_clone_is_listed_queried_and_planned_around(hw: Hw) -> None:
    assert hw("build").code == 0

    told = hw("table", "clone", "raw_orders", "before")

    assert (told.code, told.out) == (0, "`shop.main.before`: 1 file shared\n")
    assert "shop.main.before" in hw("table", "list").out
    assert hw("sql", "select count(*) as n from before").code == 0
    assert "CLONE" in hw("table", "history", "before").out
    planned = hw("plan", "--output", "json")
    assert {step["kind"] for step in planned.document["steps"]} == {"skip"}


def test_a_deep_clone_says_what_it_copied(hw: Hw) -> None:
    assert hw("build").code == 0

    told = hw("table", "clone", "raw_orders", "copy", "--deep", "--output", "json")

    assert told.document["bytes_added"] > 0
    check_schema(told.document)


def test_a_taken_name_is_refused(hw: Hw) -> None:
    assert hw("build").code == 0

    told = hw("table", "clone", "raw_orders", "raw_orders")

    assert told.code == 2
    assert "clone-target" in told.err


def test_a_difference_is_shown_and_ends_with_one(hw: Hw) -> None:
    assert hw("build").code == 0
    assert hw("table", "clone", "raw_orders", "before").code == 0

    same = hw("table", "diff", "before", "raw_orders@v0")
    other = hw("table", "diff", "raw_orders", "revenue")
    document = hw("table", "diff", "before", "raw_orders", "--output", "json").document

    assert same.code == 0
    assert "no difference" in same.out
    assert other.code == 1
    assert "column" in other.out
    check_schema(document)


def test_upkeep_says_that_nothing_pays_for_tables_in_order(hw: Hw) -> None:
    assert hw("build").code == 0

    told = hw("table", "upkeep")
    document = hw("table", "upkeep", "--do", "--output", "json").document

    assert (told.code, told.out) == (0, "nothing to do: no upkeep pays\n")
    assert document["proposals"] == []
    check_schema(document)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.00042, "0.42 ms"), (0.0000016, "0.0016 ms"), (0.25, "250 ms")]
)
def test_what_is_saved_a_read_is_never_shown_as_nothing(seconds: float, text: str) -> None:
    proposal = Proposal(
        table="t", verb="optimize", why="", cost_seconds=1, saving_seconds=seconds, pays_after=2
    )

    assert f"saves ~{text} a read" in line(proposal)
