"""How grave the project holds findings to be: ``rules`` in ``headwater.yml``.

Every name is checked: a misspelt rule would hold nobody.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from headwater.base.codec import Json
from headwater.base.codes import find_code_or_none
from headwater.base.diagnostics import Severity
from headwater.base.errors import Invalid

Wanted = Severity | Literal["off"]

_WANTED: Mapping[str, Wanted] = {
    "error": "error",
    "warning": "warning",
    "warn": "warning",
    "info": "info",
    "off": "off",
    "false": "off",  # what YAML makes of the word `off`
}

_PLANNED = ("HW3", "HW4")
"""Floors of the codes that a plan finds: cost, policy and risk."""


def read_severities(
    given: Mapping[str, Json], accepted: Iterable[str] = ()
) -> Mapping[str, Wanted]:
    """Return the severity by the number of a code.

    Args:
        given: Severity by kebab name or number, as written.
        accepted: Numbers of codes whose errors shall only warn, this time.

    Raises:
        Invalid: ``rule-severity-invalid``.
    """
    found: dict[str, Wanted] = {}
    for name, value in given.items():
        code = find_code_or_none(str(name))
        if code is None or not code.number.startswith(_PLANNED):
            raise _invalid(f"`{name}` is no rule", "`hw explain --list` lists codes HW3xxx, HW4xxx")
        wanted = _WANTED.get(str(value).lower())
        if wanted is None:
            raise _invalid(f"`{name}: {value}` is no severity", "write error, warning, info or off")
        found[code.number] = wanted
    for number in accepted:
        if found.get(number, "error") == "error":
            found[number] = "warning"
    return found


def _invalid(why: str, fix: str) -> Invalid:
    what = "cannot read `rules` in `headwater.yml`"
    return Invalid("rule-severity-invalid", what, why=why, fix=fix)
