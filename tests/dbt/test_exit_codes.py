"""Called as dbt, a command ends with dbt's exit code; what dbt's is was asked once."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.peer.situations import SITUATIONS, Situation, write_situation

from headwater.dbt.shell import run


def parameters() -> list[Any]:
    """Return the situations; those that need a command before are slow."""
    return [
        pytest.param(each, id=name, marks=[pytest.mark.slow] if each.before else [])
        for name, each in SITUATIONS.items()
    ]


@pytest.mark.parametrize("situation", parameters())
def test_a_command_ends_with_dbts_exit_code(
    situation: Situation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(write_situation(situation, tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in list(os.environ):
        if name.startswith(("DBT_", "HEADWATER_")):
            monkeypatch.delenv(name)

    for words in situation.before:
        run([*words])
    code = run([*situation.command])

    assert code == (situation.theirs if situation.ours is None else situation.ours)
