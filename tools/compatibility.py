"""Reads `docs/compatibility.yml` strictly, and makes the page of dbt's language of it.

One data file, because the page and the test that tries each name must not tell different things.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import yaml

from headwater.base.codes import CODES

DATA = Path(__file__).resolve().parents[1] / "docs" / "compatibility.yml"
State = Literal["works", "partly", "accepted", "refused"]

HEAD = """\
Every part of dbt's language by name, and what becomes of it here; the tests try each name that can
be tried. `works` means as in dbt; `partly` and `accepted` (taken without effect) say what differs;
`refused` names the code that is raised instead. [Compatibility with dbt](../compatibility.md) tells
the differences at length.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What becomes of some names.

    Attributes:
        names: dbt's names.
        state: What becomes of them.
        code: Kebab name of the code that is raised or warned with; empty for none.
        note: The difference or the reason.
    """

    names: tuple[str, ...]
    state: State
    code: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of dbt's language.

    Attributes:
        title: Its heading.
        kind: How a test tries its names; ``fact`` for those that no single name can be tried of.
        rows: In order.
    """

    title: str
    kind: str
    rows: tuple[Row, ...]


def read_sections() -> tuple[Section, ...]:
    """Read the data file.

    Raises:
        ValueError: It has an unknown key, a row that does not say why, or a name twice.
    """
    content = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    return tuple(_section(**values) for values in content["sections"])


def _section(*, title: str, kind: str, rows: list[dict[str, object]]) -> Section:
    read = tuple(_row(title, **values) for values in rows)  # type: ignore[arg-type] # checked there
    names = [name for row in read for name in row.names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"{title}: twice: {twice}"
        raise ValueError(message)
    return Section(title=title, kind=kind, rows=read)


def _row(title: str, *, names: list[str], state: State, code: str = "", note: str = "") -> Row:
    known = {each.name for each in CODES}
    faults = [
        (state not in get_args(State), f"unknown state {state}"),
        (not all(isinstance(name, str) for name in names), "a name is no text"),
        (bool(code) and code not in known, f"unknown code {code}"),
        (state == "refused" and not code, "a refused row names its code"),
        (state != "works" and not note, "a row that does not simply work says why"),
    ]
    for is_fault, what in faults:
        if is_fault:
            message = f"{title}, {names[:2]}: {what}"
            raise ValueError(message)
    return Row(names=tuple(names), state=state, code=code, note=note)


def compatibility_page(note: str) -> str:
    """Return the page.

    Args:
        note: Says what made the page.
    """
    numbers = {code.name: code.number for code in CODES}
    lines = ["# dbt's language, part by part\n", note, HEAD]
    for section in read_sections():
        lines += [f"## {section.title}\n", "| | state | instead, or why |", "|---|---|---|"]
        for row in section.rows:
            names = ", ".join(_quoted(name, section.kind) for name in row.names)
            code = f"`{row.code}` {numbers[row.code]}" if row.code else ""
            lines.append(f"| {names} | {row.state} | {': '.join(filter(None, (code, row.note)))} |")
        lines.append("")
    return "\n".join(lines)


def _quoted(name: str, kind: str) -> str:
    return name if kind == "fact" else f"`{name}`"
