"""Texts that need no template engine: only ``ref``, ``source``, ``config``, ``var`` and ``this``.

Compiling a Jinja template costs a millisecond, and a third of real models hold nothing but such
calls with literal arguments. Those are cut into pieces here; anything else is left to the engine.
"""

import ast
import re
from dataclasses import dataclass, field

from headwater.jinja.environment import has_jinja

_CALL = re.compile(
    r"\{\{(?P<before>[-+]?)\s*(?:"
    r"(?P<name>ref|source|config|var)\s*\((?P<arguments>(?:[^{}'\"#\\]|'[^'\\]*'|\"[^\"\\]*\")*?)\)"
    r"|(?P<this>this))"
    r"\s*(?P<after>[-+]?)\}\}"
)
_NAMES = {"true": True, "false": False, "none": None, "True": True, "False": False, "None": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call with literal arguments, or ``this`` (without any).

    Attributes:
        name: Function, or ``this``.
        positional: Arguments by position.
        named: Arguments by name.
        offset: Where it starts in the text.
    """

    name: str
    positional: tuple[object, ...] = ()
    named: dict[str, object] = field(default_factory=dict)
    offset: int = 0


class _NotStaticError(Exception):
    """An argument that is not a literal."""


def split_static(text: str) -> tuple[str | Call, ...] | None:
    """Cut a text into plain pieces and calls; None when it needs the engine.

    Whitespace control and the dropped trailing newline are as Jinja's.
    """
    if "{%" in text:
        return None
    if "{#" in text:
        return None
    text = text.removesuffix("\n")
    pieces: list[str | Call] = []
    position = 0
    strips = False
    for match in _CALL.finditer(text):
        plain = text[position : match.start()]
        plain = plain.lstrip() if strips else plain
        pieces.append(plain.rstrip() if match["before"] == "-" else plain)
        try:
            pieces.append(_call(match))
        except (_NotStaticError, SyntaxError, ValueError):
            return None
        strips = match["after"] == "-"
        position = match.end()
    rest = text[position:]
    pieces.append(rest.lstrip() if strips else rest)
    if any(isinstance(piece, str) and has_jinja(piece) for piece in pieces):
        return None
    return tuple(pieces)


def _call(match: re.Match[str]) -> Call:
    if match["this"]:
        return Call(name="this", offset=match.start())
    expression = ast.parse(f"f({match['arguments']})", mode="eval").body
    if not (isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name)):
        raise _NotStaticError  # ref('a').include(database=false) calls something else at its end
    named = {}
    for keyword in expression.keywords:
        if keyword.arg is None:
            raise _NotStaticError
        named[keyword.arg] = _literal(keyword.value)
    return Call(
        name=match["name"],
        positional=tuple(_literal(argument) for argument in expression.args),
        named=named,
        offset=match.start(),
    )


def _literal(node: ast.expr) -> object:
    match node:
        case ast.Constant(value=str() | int() | float() as value):
            return value
        case ast.Constant(value=None):
            return None
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.List(elts=items):
            return [_literal(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_literal(item) for item in items)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case _:
            raise _NotStaticError
