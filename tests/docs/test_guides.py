"""Guides show what happens: every command is run, every shown output compared."""

from pathlib import Path

import pytest
from tests.docs.conftest import GUIDES, Shell, examples, matches


@pytest.mark.slow  # forty seconds of CPU in all
@pytest.mark.parametrize("guide", sorted(GUIDES.glob("*.md")), ids=lambda guide: guide.stem)
def test_guide_shows_what_happens(guide: Path, shell: Shell) -> None:
    for command, expected in examples(guide.read_text(encoding="utf-8")):
        actual = shell.run(command)

        assert matches(actual, expected), f"$ {command}\n{actual}\nexpected:\n{expected}"


def test_comparison_can_fail() -> None:
    assert matches("a  b\nc", "a b\n...")
    assert not matches("a b", "a c")
    assert not matches("a b\nmore", "a b")
