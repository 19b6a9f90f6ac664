"""A template's outline: its tags without the plain text between them.

Two texts of the same outline call the same things with the same arguments, so that what was found
out by rendering one holds for the other. Most edits of a model change plain SQL alone.
"""

import hashlib
import re

_INSIDE = r"""[^"'{}\\%#]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_BRACES = rf"\{{(?:{_INSIDE}|[%#])*\}}"
_TAG = re.compile(
    rf"\{{\{{(?:{_INSIDE}|{_BRACES}|[%#])*\}}\}}"
    rf"|\{{%[-+]?\s*(?P<word>\w+)(?!\w)(?:{_INSIDE}|{_BRACES}|\#|%(?!\}}))*%\}}"
    r"|\{#.*?#\}",
    re.DOTALL,
)
_DELIMITER = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
# Within these, plain text goes to the page and nowhere else; others hand it to a macro or a name.
_TRANSPARENT = frozenset({"if", "elif", "else", "endif", "for", "endfor", "set", "do"})


def outline_of(text: str) -> bytes | None:
    """Return a digest of a template's tags, in order: 16 bytes.

    Args:
        text: The template.

    Returns:
        None when the text between the tags may reach a macro or a variable, when the tags cannot
        be told from it for certain, and when there is nothing in the template.
    """
    if not text or text.isspace():
        return None
    digest = hashlib.sha256()
    end = 0
    for match in _TAG.finditer(text):
        # Up to the tag's first brace: with a brace before it, that begins another tag.
        if _DELIMITER.search(text, end, match.start() + 1):
            return None
        end = match.end()
        word = match["word"]
        if word is not None and word not in _TRANSPARENT:
            return None
        tag = match[0]
        if not tag.startswith("{#"):
            digest.update(b"%d " % len(tag))
            digest.update(tag.encode("utf-8", "surrogatepass"))
    return None if _DELIMITER.search(text, end) else digest.digest()[:16]
