"""The public API: its names exist, and are the ones that the package says."""

import headwater


def test_every_public_name_can_be_imported() -> None:
    missing = [name for name in headwater.__all__ if not hasattr(headwater, name)]

    assert missing == []


def test_public_names_and_their_homes_agree() -> None:
    assert sorted({*headwater._HOMES, "__version__"}) == sorted(headwater.__all__)
