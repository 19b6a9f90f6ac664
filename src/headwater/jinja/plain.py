"""Templates that are run as they are read, without being compiled first.

Compiling a Jinja template costs a millisecond, and two thirds of real models hold nothing but text
and expressions such as ``{{ ref('a') }}``, most others only ``if`` and ``set`` besides. Those are
cut into pieces here, in a tenth of the time; any other is left to Jinja2, which also judges what is
wrong with a text. A test compares both on texts made up by a grammar.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater.jinja.environment import TextEnvironment
from headwater.jinja.plain_expressions import (
    Evaluate,
    Expressions,
    NotPlainError,
    PlainRun,
    Token,
    read_tag,
)

Statement = Callable[[PlainRun], None]
_OPENING = re.compile(r"\{(?P<kind>[{%#])(?P<sign>[-+]?)")
_COMMENT_END = re.compile(r"(?P<sign>[-+]?)#\}")
_ENDS = {"{": "}}", "%": "%}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A template that can be run as it was read.

    Attributes:
        statements: What it does, in order.
    """

    statements: tuple[Statement, ...]

    def run(self, run: PlainRun) -> list[object]:
        """Run it and return its parts; ``run.offset`` says where, when it fails."""
        for statement in self.statements:
            statement(run)
        return run.parts


def read_plain(text: str, environment: TextEnvironment, *, value: bool) -> Plain | None:
    """Read a template; None when it is left to Jinja2.

    Args:
        text: The template.
        environment: Knows the filters, tests and guarded operators.
        value: Whether parts are kept as values instead of being turned into text.
    """
    if "\r" in text:
        return None
    try:
        reader = _Reader(text.removesuffix("\n"), environment, is_value=value)
        statements, _tag = reader.body(frozenset())
    except (NotPlainError, RecursionError):
        return None
    return Plain(statements=tuple(statements))


@dataclass(frozen=True, slots=True)
class _Tag:
    """A tag.

    Attributes:
        kind: What opens it: ``{`` or ``%``.
        start: Where it starts.
        tokens: Its tokens; the last is its end.
    """

    kind: str
    start: int
    tokens: Sequence[Token]


class _Reader:
    def __init__(self, text: str, environment: TextEnvironment, *, is_value: bool) -> None:
        self._text = text
        self._environment = environment
        self._is_value = is_value
        self._position = 0
        self._strips = False

    def body(self, ends: frozenset[str]) -> tuple[list[Statement], _Tag | None]:
        """Read up to one of some tags, or to the end of the text when there are none."""
        statements: list[Statement] = []
        constants: list[str] = []

        def flush() -> None:
            if constants:
                statements.append(_write("".join(constants)))
                constants.clear()

        while True:
            data, tag = self._take()
            constants += [data] if data else []
            if tag is None:
                if ends:
                    raise NotPlainError
                flush()
                return statements, None
            if tag.kind == "{":
                part = self._expressions(tag).whole()
                if part.text is not None:
                    constants.append(part.text)
                    continue
                if part.is_constant:
                    raise NotPlainError
                flush()
                statements.append(_output(tag.start, part.evaluate, is_value=self._is_value))
                continue
            flush()
            if tag.tokens[0].text in ends:
                return statements, tag
            statements.append(self._block(tag))

    def _take(self) -> tuple[str, _Tag | None]:
        """Take the text before the next tag, and the tag; comments are left out."""
        parts: list[str] = []
        while True:
            opening = _OPENING.search(self._text, self._position)
            end = opening.start() if opening else len(self._text)
            data = self._text[self._position : end]
            data = data.lstrip() if self._strips else data
            if opening is None:
                self._position, self._strips = end, False
                return "".join([*parts, data]), None
            parts.append(data.rstrip() if opening["sign"] == "-" else data)
            if opening["kind"] != "#":
                return "".join(parts), self._tag(opening)
            closing = _COMMENT_END.search(self._text, opening.end())
            if closing is None:
                raise NotPlainError
            self._position, self._strips = closing.end(), closing["sign"] == "-"

    def _tag(self, opening: re.Match[str]) -> _Tag:
        kind = opening["kind"]
        tokens, self._position = read_tag(self._text, opening.end(), _ENDS[kind])
        self._strips = tokens[-1].text[0] == "-"
        return _Tag(kind, opening.start(), tokens)

    def _expressions(self, tag: _Tag, *, after: int = 0) -> Expressions:
        return Expressions(tag.tokens[after:], self._environment)

    def _block(self, tag: _Tag) -> Statement:
        match tag.tokens[0].text:
            case "if":
                return self._if(tag)
            case "set":
                expressions = self._expressions(tag, after=1)
                name = expressions.take_name()
                expressions.expect("=")
                return _assign(tag.start, name, expressions.whole().evaluate)
            case "do":
                return _evaluate(tag.start, self._expressions(tag, after=1).whole().evaluate)
            case _:
                raise NotPlainError

    def _if(self, tag: _Tag) -> Statement:
        branches: list[tuple[int, Evaluate, list[Statement]]] = []
        otherwise: list[Statement] = []
        ends = frozenset({"elif", "else", "endif"})
        current: _Tag | None = tag
        while current is not None and current.tokens[0].text in {"if", "elif"}:
            test = self._expressions(current, after=1).whole(with_condition=False)
            start = current.start
            statements, current = self.body(ends)
            branches.append((start, test.evaluate, statements))
        if current is not None and current.tokens[0].text == "else":
            self._expressions(current, after=1).end()
            otherwise, current = self.body(frozenset({"endif"}))
        if current is None:
            raise NotPlainError
        self._expressions(current, after=1).end()
        return _choose(branches, otherwise)


def _write(text: str) -> Statement:
    return lambda run: run.parts.append(text)


def _output(offset: int, evaluate: Evaluate, *, is_value: bool) -> Statement:
    def statement(run: PlainRun) -> None:
        run.offset = offset
        value = evaluate(run)
        run.parts.append(value if is_value else run.environment.meter.text(value))

    return statement


def _assign(offset: int, name: str, evaluate: Evaluate) -> Statement:
    def statement(run: PlainRun) -> None:
        run.offset = offset
        run.context.vars[name] = evaluate(run)

    return statement


def _evaluate(offset: int, evaluate: Evaluate) -> Statement:
    def statement(run: PlainRun) -> None:
        run.offset = offset
        evaluate(run)

    return statement


def _choose(
    branches: Sequence[tuple[int, Evaluate, Sequence[Statement]]], otherwise: Sequence[Statement]
) -> Statement:
    def statement(run: PlainRun) -> None:
        chosen = otherwise
        for offset, test, statements in branches:
            run.offset = offset
            if test(run):
                chosen = statements
                break
        for each in chosen:
            each(run)

    return statement
