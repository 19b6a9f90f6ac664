"""``durability``: what a committed version outlives, counted in flushes."""

import os
from pathlib import Path

import pytest
from tests.cli.conftest import Hw


@pytest.fixture
def flushes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Descriptors that were flushed; the records' own flushes are SQLite's and not among them."""
    found: list[int] = []
    true = os.fsync

    def fsync(descriptor: int) -> None:
        found.append(descriptor)
        true(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def test_a_build_flushes_what_it_commits(hw: Hw, flushes: list[int]) -> None:
    assert hw("build").code == 0

    assert len(flushes) >= 4


def test_process_durability_leaves_flushing_to_the_system(
    hw: Hw, project: Path, flushes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_DURABILITY", "process")

    assert hw("build").code == 0

    assert flushes == []
    assert hw("table", "fsck", "raw_orders", "--deep").code == 0


def test_a_promise_that_nobody_knows_is_refused(hw: Hw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_DURABILITY", "hope")

    told = hw("build")

    assert told.code == 2
    assert "setting-invalid" in told.err
    assert "`power` or `process`" in told.err
