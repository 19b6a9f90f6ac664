"""The statements that a tool sends to its engine, in one form that can be compared.

dbt makes a table by ``create table ... as (QUERY)`` and renames it; here the query's rows become a
file of the lake and a commit. So what is compared of a statement is its heart: the query of a
model, a test or a snapshot, and the whole text of what hooks and macros send. Left out is what only
moves tables, begins and ends transactions, or asks what is there, and what is the tool's own way:
loading seeds, taking snapshots, and putting the given rows of unit tests in place of tables.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headwater.engines.duckdb.connection import Connection

_COMMENTS = re.compile(r"^(\s*/\*.*?\*/)*\s*", re.DOTALL)
"""What dbt and packages write before a statement."""
_MADE = re.compile(
    r'^create\s+(?:or\s+replace\s+)?(?:temporary\s+|temp\s+)?(?:table|view)\s+(?:"[^"]*"|[\w.])+\s*'
    r"as\s*\((?P<heart>.*)\)\s*;?\s*$",
    re.DOTALL | re.IGNORECASE,
)
_TESTED = re.compile(
    r"^select\s.*?as failures,.*? as should_error\s+from\s*\((?P<heart>.*)\)\s*"
    r"dbt_internal_test\s*$",
    re.DOTALL | re.IGNORECASE,
)
_CONTRACTED = re.compile(
    r"^create\s+table.*?insert\s+into.*?from\s*\((?P<heart>.*)\)\s*as\s+model_subq.*$",
    re.DOTALL | re.IGNORECASE,
)
_MOVES = re.compile(
    r"^(begin|commit|rollback|alter\s+(table|view)|drop\s+(table|view)|create\s+schema|analyze|"
    r"checkpoint|set\s|select\s+type\s+from\s+duckdb_|comment\s+on)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"^DESCRIBE |information_schema|duckdb_[a-z]+\(|pragma_|column_type as data_type"
)


_OF_COMMAND = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{8}T\d{6}-[0-9a-f]{8}"
    r"|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?|tmp_\d{12,}"
)
"""Ids of commands and runs, and times."""
_OF_THE_TOOL = ("seed.", "snapshot.", "unit_test.")


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement of dbt's.

    Attributes:
        node: For which node; empty for none.
        heart: What is compared.
    """

    node: str
    heart: str


def sent_by_dbt(log: Path) -> list[Sent]:
    """Read the statements of a log of JSON lines, in order."""
    found: list[Sent] = []
    for line in log.read_text(encoding="utf-8").splitlines():
        event: dict[str, Any] = json.loads(line)
        if event["info"]["name"] != "SQLQuery":
            continue
        heart = heart_of(event["data"]["sql"])
        if heart:
            node = (event["data"].get("node_info") or {}).get("unique_id") or ""
            found += [] if node.startswith(_OF_THE_TOOL) else [Sent(node, heart)]
    return found


def heart_of(sql: str) -> str:
    """Return what of a statement of dbt's is compared; empty for one that is left out."""
    text = _COMMENTS.sub("", sql).strip()
    for form in (_MADE, _TESTED, _CONTRACTED):
        if found := form.match(text):
            return in_one_form(found["heart"])
    if not text or _MOVES.match(text) or _ASKS.search(text):
        return ""
    return in_one_form(text)


def in_one_form(text: str) -> str:
    """Leave out blanks at the ends of lines, the last semicolon, quotes of names, and ids."""
    lines = (line.strip() for line in text.strip().removesuffix(";").splitlines())
    return _OF_COMMAND.sub("ID", "\n".join(line for line in lines if line)).replace('"', "")


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Keep the text of every statement that our sessions send, in order."""
    texts: list[str] = []
    run = Connection._run

    def noted(connection: Connection, parts: Any, text: Any) -> list[tuple[object, ...]]:
        texts.append(in_one_form(str(parts)))
        return run(connection, parts, text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "_run", noted)
        yield texts


def not_sent(theirs: Sequence[Sent], ours: Sequence[str]) -> list[Sent]:
    """Return the statements of dbt's whose heart none of ours holds."""
    whole = "\0".join(ours)
    return [each for each in theirs if each.heart not in whole]


def out_of_order(theirs: Sequence[Sent], ours: Sequence[str]) -> list[Sent]:
    """Return statements that come, for one node, before the one that dbt sends before them."""
    whole = "\0".join(ours)
    at: dict[str, int] = {}
    found: list[Sent] = []
    for each in theirs:
        place = whole.find(each.heart, at.get(each.node, 0))
        if place < 0:
            found.append(each)
        else:
            at[each.node] = place
    return found
