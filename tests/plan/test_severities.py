"""`rules` in headwater.yml: how grave findings are, by code."""

import pytest

from headwater.base.codec import Json
from headwater.base.errors import Invalid
from headwater.plan.severities import read_severities


@pytest.mark.parametrize(
    ("written", "meant"),
    [("error", "error"), ("warn", "warning"), ("WARNING", "warning"), ("info", "info"),
     ("off", "off"), (False, "off")],
)  # fmt: skip
def test_a_severity_is_read_by_name_or_number(written: Json, meant: str) -> None:
    assert read_severities({"cross-join": written}) == {"HW4009": meant}
    assert read_severities({"hw4009": written}) == {"HW4009": meant}


@pytest.mark.parametrize(
    "given", [{"croos-join": "error"}, {"ref-not-found": "off"}, {"cross-join": "grave"}]
)
def test_what_is_no_rule_or_no_severity_is_refused(given: dict[str, Json]) -> None:
    with pytest.raises(Invalid) as caught:
        read_severities(given)

    assert caught.value.code == "rule-severity-invalid"


def test_an_accepted_error_only_warns_and_softer_rules_stay() -> None:
    policy: dict[str, Json] = {"cross-join": "error", "join-skewed": "off"}

    found = read_severities(policy, ["HW4009", "HW4011", "HW4002"])

    assert found == {"HW4009": "warning", "HW4011": "off", "HW4002": "warning"}
