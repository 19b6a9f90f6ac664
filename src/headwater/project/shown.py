"""Which tags of a text only show a time or an id of the command.

While a project is read, texts are rendered for what they ask for (refs, config), and what they
show is thrown away. A tag that shows ``run_started_at`` and nothing else needs no answer then.
Asked, it would make of all that was read something that the next command must read again.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from headwater.base.codec import Json

PASSING = re.compile(r"\b(?:run_started_at|invocation_id|lipsum)\b")
"""Names that mean something else with every command."""
SHOWN = ("run_started_at", "invocation_id", "var")
"""Names of tags that are passed over, where no macro of the project has them."""
_OF_VARIABLES = re.compile(rf"{PASSING.pattern}|\bmodules\b")

_STRING = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_TAG = re.compile(
    rf"\{{#.*?#\}}|\{{%(?>{_STRING}|.)*?%\}}|(?P<shows>\{{\{{(?>{_STRING}|.)*?\}}\}})", re.DOTALL
)
"""Tags, each with the strings in it, where Jinja for later may stand.

A string is never read again letter by letter: of a tag without an end that would take a time that
doubles with every string after it.
"""
_ARGUMENT = r"""(?:'[^'\\{]*'|"[^"\\{]*"|\d*)"""
_SHOWN = re.compile(
    r"\{\{[-+]?\s*(?:"
    rf"(?P<name>run_started_at|invocation_id)(?:\.\w+(?:\(\s*{_ARGUMENT}\s*\))?)*"
    r"|var\(\s*(?P<quote>['\"])(?P<variable>\w+)(?P=quote)\s*\)"
    r")\s*[-+]?\}\}"
)
_GATHERS = re.compile(
    r"\{%[-+]?\s*(?:call|filter|macro|raw|block|set\s[^=]*?\||set\s+\w+\s*\.|for\s[^%]*\brecursive\b)"
)
"""Blocks of which what is shown inside becomes a value that anything may be done with."""
_SET = re.compile(r"\{%[-+]?\s*set\s+(\w+)\s*[-+]?%\}")
"""The start of a block that becomes the value of a name."""
_WORD = re.compile(r"\w+")


def passing_variables(variables: Mapping[str, Json]) -> frozenset[str]:
    """Return the variables whose own text has Jinja that asks for something that passes."""
    return frozenset(
        name
        for name, value in variables.items()
        if isinstance(value, str) and "{{" in value and _OF_VARIABLES.search(value)
    )


def without_shown(text: str, passing: AbstractSet[str]) -> str:
    """Return a text with blanks where it only shows what passes.

    Args:
        text: The text; its lines and columns stay where they are.
        passing: Variables that pass, too.
    """
    if not PASSING.search(text) and not any(name in text for name in passing):
        return text
    if _GATHERS.search(text) or not _only_shows_blocks(text):
        return text

    def blanked(tag: re.Match[str]) -> str:
        shown = _SHOWN.fullmatch(tag["shows"] or "")
        if shown is None or (shown["variable"] and shown["variable"] not in passing):
            return tag[0]
        return re.sub(r"[^\n]", " ", tag[0])

    return _TAG.sub(blanked, text)


def _only_shows_blocks(text: str) -> bool:
    """Say whether nothing is done with names of ``set`` blocks but showing them."""
    names = set(_SET.findall(text))
    for tag in _TAG.finditer(text) if names else ():
        words = _WORD.findall(tag[0])
        is_plain = _SET.fullmatch(tag[0]) or (tag["shows"] and len(words) == 1)
        if not is_plain and names.intersection(words):
            return False
    return True
