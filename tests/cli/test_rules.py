"""Risk rules as a user meets them: evidence from the data, and severities in headwater.yml."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

SEEDS = {
    "seeds/payments.csv": "order_id,paid\n1,5\n1,5.5\n2,4\n3,2.5\n",
    "models/fct.sql": "select o.order_id, p.paid from {{ ref('raw_orders') }} o "
    "left join {{ ref('payments') }} p on o.order_id = p.order_id\n",
    "models/fct.yml": "models:\n  - name: fct\n    columns:\n      - name: order_id\n"
    "        data_tests: [unique]\nseeds:\n  - name: raw_orders\n    columns:\n"
    "      - name: order_id\n        data_tests: [unique, not_null]\n",
}


@pytest.fixture
def seeded(hw: Hw, project: Path) -> Hw:
    write_files(project, {"seeds/payments.csv": SEEDS["seeds/payments.csv"]})
    assert hw("build").code == 0
    write_files(project, SEEDS)
    return hw


def severities(hw: Hw, *arguments: str) -> tuple[int, list[str]]:
    ended = hw("plan", *arguments, "--output", "json")
    found = ended.document["diagnostics"]
    return ended.code, [each["severity"] for each in found if each["name"] == "fan-out"]


def test_a_plan_tells_from_the_data_that_a_join_will_break_a_test(seeded: Hw) -> None:
    ended = seeded("plan", "--output", "json")

    [found] = [each for each in ended.document["diagnostics"] if each["name"] == "fan-out"]
    assert found["what"] == (
        "`fct` is declared unique by `order_id`, and joining `p` multiplies its rows"
    )
    assert found["why"] == "`payments.order_id`: 4 rows, 3 values, up to 2 rows of one"


@pytest.mark.parametrize(
    ("written", "code", "expected"),
    [
        ("fan-out: error", 3, ["error"]),
        ("HW4012: error", 3, ["error"]),
        ("fan-out: info", 0, ["info"]),
        ("fan-out: off", 0, []),
    ],
)
def test_a_project_says_how_grave_a_finding_is(
    seeded: Hw, project: Path, written: str, code: int, expected: list[str]
) -> None:
    write_files(project, {"headwater.yml": f"rules: {{{written}}}\n"})

    assert severities(seeded) == (code, expected)


def test_an_error_of_the_project_is_accepted_once(seeded: Hw, project: Path) -> None:
    write_files(project, {"headwater.yml": "rules: {fan-out: error}\n"})

    assert severities(seeded, "--accept", "fan-out") == (0, ["warning"])


def test_a_misspelt_rule_is_refused(seeded: Hw, project: Path) -> None:
    write_files(project, {"headwater.yml": "rules: {fanout: error}\n"})

    ended = seeded("plan", "--output", "json")

    assert (ended.code, ended.codes) == (2, ["HW3041"])


def test_a_list_of_rules_is_no_mapping(seeded: Hw, project: Path) -> None:
    write_files(project, {"headwater.yml": "rules: [fan-out]\n"})

    ended = seeded("plan", "--output", "json")

    assert (ended.code, ended.codes) == (2, ["HW1901"])
