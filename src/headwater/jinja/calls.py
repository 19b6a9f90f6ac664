"""Names that a macro's text calls, found without running it.

A macro that calls another only on some branch still depends on it.
"""

import re

import jinja2

_DISPATCHED = re.compile(r"""\bdispatch\s*\(\s*(?:macro_name\s*=\s*)?(['"])(?P<name>\w+)\1""")


def called_names(text: str) -> frozenset[str]:
    """Return the last parts of names that are called in Jinja, and names that are dispatched."""
    dispatched = {match["name"] for match in _DISPATCHED.finditer(text)}
    lexer = jinja2.Environment()  # noqa: S701 - it renders nothing
    try:
        tokens = [(kind, value) for _, kind, value in lexer.lex(text) if kind != "whitespace"]
    except jinja2.TemplateSyntaxError:
        return frozenset(dispatched)
    called = {
        value
        for (_, before), (kind, value), (_, after) in zip(
            tokens, tokens[1:], tokens[2:], strict=False
        )
        if kind == "name" and after == "(" and before not in {"macro", "test"}
    }
    return frozenset(called | dispatched)
