"""Every code is raised by something and shown by a test that causes it."""

import re
from pathlib import Path

from headwater.base.codes import CODES

ROOT = Path(__file__).parents[2]
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)+|HW\d{4}|(?<=[\"'\[`])[a-z]+(?=[\"'\]`])")


def words_in(folder: Path, *endings: str, without: str = "") -> set[str]:
    """Every word of a folder's files that could be a code; one without a hyphen only in quotes."""
    return {
        word
        for ending in endings
        for path in folder.rglob(f"*{ending}")
        if not without or without not in path.parts
        for word in _WORD.findall(path.read_text("utf-8"))
    }


def test_every_code_is_raised_by_something() -> None:
    raised = words_in(ROOT / "src", ".py", without="codes")

    assert [code.name for code in CODES if code.name not in raised] == []


def test_every_code_is_named_by_a_test() -> None:
    tested = words_in(ROOT / "tests", ".py", ".md")

    assert [code.name for code in CODES if not {code.name, code.number} & tested] == []
