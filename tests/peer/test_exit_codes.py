"""The noted exit codes are those that dbt gives."""

from pathlib import Path

import pytest
from tests.peer.freeze import dbt_python
from tests.peer.situations import SITUATIONS, Situation, ask


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS.keys())
def test_dbt_ends_with_the_noted_exit_code(situation: Situation, tmp_path: Path) -> None:
    program = str(dbt_python().parent / "dbt")

    assert ask(program, situation, tmp_path) == situation.theirs
