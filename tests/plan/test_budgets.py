"""Budgets: how they are written, and whom they hold."""

import pytest

from headwater.base.codec import Json
from headwater.base.errors import HeadwaterError
from headwater.base.settings import resolve_settings
from headwater.plan.budgets import Budget, owner_of, read_budgets, tags_of


def test_a_budget_says_how_much_and_for_whom() -> None:
    asked: list[Json] = [
        {"month": 50},
        {"tag": "nightly", "run": 0.5},
        {"owner": "finance", "month": 10, "runs_per_month": 720},
    ]

    read = read_budgets(resolve_settings({}, {}, {"budgets": asked}).items("budgets"))

    assert read == (
        Budget(month=50.0),
        Budget(tag="nightly", run=0.5),
        Budget(owner="finance", month=10.0, runs_per_month=720.0),
    )
    assert [each.name for each in read] == ["the project", "tag `nightly`", "owner `finance`"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("50", "not a mapping"),
        ({"tag": "nightly"}, "neither"),
        ({"month": "much"}, "$.month"),
        ({"month": 1, "nod": "x"}, "$.nod"),
        ({"month": -1}, "below zero"),
        ({"month": 1, "runs_per_month": 0}, "not above zero"),
        ({"month": 1, "tag": "a", "node": "b"}, "more than one"),
    ],
)
def test_a_budget_that_cannot_hold_is_refused(entry: Json, said: str) -> None:
    with pytest.raises(HeadwaterError) as refused:
        read_budgets([{"month": 1}, entry])

    assert refused.value.code == "budget-malformed"
    assert said in refused.value.why
    assert "entry 2" in refused.value.what


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ({"price": {"cpu_hour": 1}}, "`price`"),
        ({"prices": {"cpu_hours": 1}}, "`prices.cpu_hours`"),
        ({"budget": [{"month": 1}]}, "`budget`"),
    ],
)
def test_a_misspelt_setting_is_refused_with_what_was_meant(
    file: dict[str, Json], said: str
) -> None:
    with pytest.raises(HeadwaterError) as refused:
        resolve_settings({}, {}, file)

    assert refused.value.code == "setting-unknown"
    assert said in refused.value.what
    assert "did you mean" in refused.value.why


def test_a_list_is_not_a_word() -> None:
    with pytest.raises(HeadwaterError) as refused:
        resolve_settings({}, {}, {"budgets": {"month": 1}})

    assert refused.value.code == "setting-invalid"


def test_whose_a_node_is_and_how_it_is_tagged() -> None:
    assert tags_of({"tags": "one"}) == ("one",)
    assert tags_of({"tags": ["one", "two"]}) == ("one", "two")
    assert tags_of({}) == ()
    assert owner_of({"meta": {"owner": "ada"}, "group": "finance"}) == "ada"
    assert owner_of({"group": "finance"}) == "finance"
    assert owner_of({"meta": {}, "group": None}) == ""
