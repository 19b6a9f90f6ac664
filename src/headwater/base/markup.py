"""Text of users as parts of GitHub's Markdown that stay text, whatever stands in them.

A name may hold pipes, backticks, tags or an @; in a comment none of it may end a cell, become HTML
or call a person. Entities are text to Markdown by its own rules (CommonMark, *Entity and numeric
character references*), and GitHub looks for mentions neither in code nor beside a zero-width space.
"""

import re
import unicodedata

TEXT_CHARS_MAX = 600
"""Characters of one text that are shown; how many were left out is said."""

_MARKS = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|[^A-Za-z0-9_ ,;:()%$+='?/.\">-]")
_LINKED = re.compile(r"(?i)(www)\.|(://)")
_CALLED = re.compile(r"[@#](?=\w)|(?<=\bGH)-(?=\d)|:(?=[\w+-]+:)")
_TOKEN = re.compile(r"[^A-Za-z0-9_.]+")
_FENCES = re.compile(r"`{3,}")
_ZERO_WIDTH_SPACE = "\u200b"


def visible(text: str) -> str:
    """Return text on one line in which signs that cannot be seen are written as escapes."""
    return text if text.isprintable() else "".join(_seen(sign) for sign in text)


def _seen(sign: str) -> str:
    if sign in "\n\t\r":
        return " "
    hidden = unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return f"\\u{ord(sign):04x}" if hidden else sign


def plain(text: str, *, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Return text that is nothing but text in Markdown.

    Args:
        text: Anything.
        chars_max: Of the text; what is longer is cut, and how much was is said.
    """
    shown = _cut(visible(text), chars_max)
    uncalled = _CALLED.sub(lambda found: found[0] + _ZERO_WIDTH_SPACE, shown)
    unlinked = _LINKED.sub(lambda found: found[0][:-1] + _ZERO_WIDTH_SPACE + found[0][-1], uncalled)
    return _MARKS.sub(_entity, unlinked)


def code(text: str, *, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Return text as code, which may stand in a cell of a table.

    Args:
        text: Anything.
        chars_max: See ``plain``.
    """
    return f"<code>{_MARKS.sub(_entity, _cut(visible(text), chars_max))}</code>"


def prose(text: str) -> str:
    """Return a sentence of ours, in which names stand between backticks."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a name with a backtick in it: nothing tells where it ends
        return plain(text)
    return "".join(code(part) if index % 2 else plain(part) for index, part in enumerate(parts))


def fenced(lines: tuple[str, ...]) -> tuple[str, str]:
    """Return the first and last line of a block of code that none of the lines can end."""
    longest = max((len(run) for line in lines for run in _FENCES.findall(line)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text", fence


def token(text: str) -> str:
    """Return text that may stand in an HTML comment: letters, digits, points and single hyphens."""
    return _TOKEN.sub("-", text).strip("-")


def _cut(text: str, chars_max: int) -> str:
    if len(text) <= chars_max:
        return text
    return f"{text[:chars_max]} ... ({len(text) - chars_max} more characters)"


def _entity(found: "re.Match[str]") -> str:
    """Write a sign as an entity; letters of other alphabets mean nothing to Markdown."""
    sign = found[0]
    return sign if sign.isalnum() else f"&#{ord(sign)};"
