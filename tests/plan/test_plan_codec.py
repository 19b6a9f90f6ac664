"""What was expected of a run is read back from the record of it, also from another release's."""

import pytest

from headwater.base.codec import decode_plain_or_none, encode
from headwater.base.units import UNKNOWN, exact
from headwater.plan.plan import Cost


def test_what_was_expected_is_read_back() -> None:
    cost = Cost(cpu_seconds=exact(2), rows=exact(7))

    assert decode_plain_or_none(Cost, encode(cost)) == cost


def test_a_record_of_an_earlier_release_has_no_rows() -> None:
    text = b'{"cpu_seconds": {"value": 1.0, "low": 1.0, "high": 1.0, "grade": "exact", "runs": 0}}'

    assert decode_plain_or_none(Cost, text) == Cost(cpu_seconds=exact(1), rows=UNKNOWN)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b'{"cpu_seconds": 3}', b'{"cpu_seconds": {"grade": "sure"}}', b"\xff"],
)
def test_a_garbled_record_says_nothing(text: bytes) -> None:
    assert decode_plain_or_none(Cost, text) is None
