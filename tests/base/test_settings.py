"""Flags win over the environment, that over the file, that over defaults; places are told."""

import pytest

from headwater.base.codec import Json
from headwater.base.errors import Invalid
from headwater.base.settings import resolve_settings

FILE: dict[str, Json] = {"threads": 2, "prices": {"cpu_hour": 0.05}}


def test_flag_wins_over_environment_and_file() -> None:
    settings = resolve_settings({"threads": 8}, {"HEADWATER_THREADS": "4"}, FILE)

    assert settings.whole("threads") == 8
    assert settings.values["threads"].place == "--threads"


def test_environment_wins_over_file_and_our_name_over_dbts() -> None:
    settings = resolve_settings({}, {"DBT_THREADS": "3", "HEADWATER_THREADS": "4"}, FILE)

    assert settings.whole("threads") == 4
    assert settings.values["threads"].place == "HEADWATER_THREADS"


def test_nested_key_of_the_file_is_found() -> None:
    settings = resolve_settings({"threads": None}, {}, FILE)

    assert settings.number("prices.cpu_hour") == 0.05
    assert settings.values["prices.cpu_hour"].origin == "file"


def test_unset_setting_is_none() -> None:
    assert resolve_settings({}, {}, {}).text("profile") is None


def test_wrong_kind_is_refused_with_its_place() -> None:
    with pytest.raises(Invalid, match="threads") as caught:
        resolve_settings({}, {"DBT_THREADS": "many"}, {})

    assert caught.value.code == "setting-invalid"
    assert "DBT_THREADS" in caught.value.why
