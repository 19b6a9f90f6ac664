"""What a written name of one to three parts means for a table that is to be made."""

import pytest

from headwater.catalog.names import full_name_or_none


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("t", "shop.main.t"),
        ("other.t", "shop.other.t"),
        ("lake.other.t", "lake.other.t"),
        ('"t"', "shop.main.t"),
        ("a.b.c.d", None),
        (".t", None),
        ("", None),
    ],
)
def test_a_table_to_be_made_gets_what_its_name_leaves_out(text: str, full: str | None) -> None:
    found = full_name_or_none(text, "shop", "main")

    assert (None if found is None else str(found)) == full
