"""Reads the expressions of plain templates: names, calls, literals, the everyday operators.

Apart from ``plain``, which reads the tags around them. Whatever is not surely understood as Jinja2
understands it is refused here, and the whole template is then left to Jinja2.
"""

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jinja2.runtime import Context
from jinja2.utils import _PassArg, missing

from headwater.jinja.environment import TextEnvironment

Evaluate = Callable[["PlainRun"], object]

_TOKEN = re.compile(
    r"\s*(?:(?P<end>-?[}%]\})|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?![\w.]))"
    r"|(?P<mark>==|!=|>=|<=|//|\*\*|[()\[\]{},.:|=~<>+\-*/%]))",
    re.DOTALL | re.ASCII,
)
_CONSTANTS = {
    "true": True,
    "false": False,
    "none": None,
    "True": True,
    "False": False,
    "None": None,
}
_RESERVED = frozenset({"and", "or", "not", "in", "is", "if", "else", "self", "super", "loop"})
_COMPARED: dict[str, Callable[..., object]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CALCULATED = {"+", "-", "*", "/", "//", "%"}
_AFTER_VALUE = frozenset({",", ")", "]", "}", ":"})
_OPENS, _CLOSES = frozenset("([{"), frozenset(")]}")


class NotPlainError(Exception):
    """Something that is left to Jinja2."""


class PlainRun:
    """One run of a plain template.

    Attributes:
        environment: Calls, looks up and counts, as for compiled templates.
        context: Where names are found.
        offset: Where the tag that runs begins.
        parts: What came out so far.
    """

    __slots__ = ("context", "environment", "offset", "parts")

    def __init__(self, environment: TextEnvironment, context: Context) -> None:
        self.environment = environment
        self.context = context
        self.offset = 0
        self.parts: list[object] = []


@dataclass(frozen=True, slots=True)
class Part:
    """An expression, or a part of one.

    Attributes:
        evaluate: Gives its value.
        is_constant: Nothing but literals, which Jinja2 calculates while it compiles.
        text: What a single literal is written as.
    """

    evaluate: Evaluate
    is_constant: bool = False
    text: str | None = None


class Token(NamedTuple):
    """A token of a tag.

    Attributes:
        kind: name, text, number, mark or end.
        text: As written.
        start: Where it starts.
    """

    kind: str
    text: str
    start: int


def read_tag(text: str, start: int, end: str) -> tuple[list[Token], int]:
    """Cut a tag into tokens, of which the last is its end; return them and where it ends.

    Raises:
        NotPlainError: It has something that is left to Jinja2.
    """
    tokens: list[Token] = []
    position, depth = start, 0
    while match := _TOKEN.match(text, position):
        kind = str(match.lastgroup)
        written = match[kind]
        at, position = match.start(kind), match.end()
        if kind == "end" and depth:
            if written != "}}":
                break
            kind, written, position = "mark", "}", at + 1
        tokens.append(Token(kind, written, at))
        if kind == "end":
            if written[-2:] != end:
                break
            return tokens, position
        if kind == "mark":
            depth += (written in _OPENS) - (written in _CLOSES)
    raise NotPlainError


class Expressions:
    """Reads the tokens of one tag."""

    def __init__(self, tokens: Sequence[Token], environment: TextEnvironment) -> None:
        self._tokens = tokens
        self._place = 0
        self._environment = environment

    def take_name(self) -> str:
        """Take a name."""
        token = self._tokens[self._place]
        if token.kind != "name" or token.text in _RESERVED or token.text in _CONSTANTS:
            raise NotPlainError
        self._place += 1
        return token.text

    def expect(self, mark: str) -> None:
        """Take a mark that must come."""
        if not self._skip(mark):
            raise NotPlainError

    def end(self) -> None:
        """Be at the end."""
        if self._tokens[self._place].kind != "end":
            raise NotPlainError

    def whole(self, *, with_condition: bool = True) -> Part:
        """Read one expression, up to the end of the tag."""
        part = self._conditional() if with_condition else self._either()
        self.end()
        return part

    def _next_is(self, *texts: str) -> bool:
        token = self._tokens[self._place]
        return token.kind in {"name", "mark"} and token.text in texts

    def _skip(self, *texts: str) -> bool:
        found = self._next_is(*texts)
        self._place += found
        return found

    def _conditional(self) -> Part:
        value = None if self._next_is("not") else self._unary()
        token = self._tokens[self._place]
        if value is not None and (token.kind == "end" or token.text in _AFTER_VALUE):
            return value  # most are a single value, which needs no levels of operators
        first = self._either(value)
        if not self._skip("if"):
            return first
        test = self._either()
        if test.is_constant or not self._skip("else"):
            raise NotPlainError
        return Part(_choice(test.evaluate, first.evaluate, self._conditional().evaluate))

    def _either(self, first: Part | None = None) -> Part:
        left = self._both(first)
        while self._skip("or"):
            left = _chosen(left, self._both(), until=True)
        return left

    def _both(self, first: Part | None = None) -> Part:
        left = self._negated(first)
        while self._skip("and"):
            left = _chosen(left, self._negated(), until=False)
        return left

    def _negated(self, first: Part | None = None) -> Part:
        if first is not None or not self._skip("not"):
            return self._compared(first)
        value = _varying(self._negated()).evaluate
        return Part(lambda run: not value(run))

    def _compared(self, first: Part | None = None) -> Part:
        left = self._sum(first)
        token = self._tokens[self._place]
        if self._skip("in"):
            return _between(left, self._sum(), _is_in)
        if self._next_is("not") and self._tokens[self._place + 1].text == "in":
            self._place += 2
            return _between(left, self._sum(), _is_not_in)
        if not self._skip(*_COMPARED):
            return left
        compared = _between(left, self._sum(), _COMPARED[token.text])
        if self._next_is("in", "not", *_COMPARED):
            raise NotPlainError
        return compared

    def _sum(self, first: Part | None = None) -> Part:
        left = self._joined(first)
        while self._next_is("+", "-"):
            left = self._calculated(left, self._joined)
        return left

    def _joined(self, first: Part | None = None) -> Part:
        parts = [self._product(first)]
        while self._skip("~"):
            parts.append(self._product())
        if len(parts) == 1:
            return parts[0]
        if all(part.is_constant for part in parts):
            raise NotPlainError
        values = [part.evaluate for part in parts]
        return Part(lambda run: run.environment.meter.joined([value(run) for value in values]))

    def _product(self, first: Part | None = None) -> Part:
        left = first or self._unary()
        while self._next_is("*", "/", "//", "%"):
            left = self._calculated(left, self._unary)
        return left

    def _calculated(self, left: Part, read_right: Callable[[], Part]) -> Part:
        name = self._tokens[self._place].text
        self._place += 1
        right = read_right()
        if name in self._environment.intercepted_binops:
            return _between(left, right, None, name)
        return _between(left, right, _PLAINLY[name])

    def _unary(self) -> Part:
        if self._next_is("-") and self._tokens[self._place + 1].kind == "number":
            self._place += 1
            part = self._literal("-")
        else:
            part = self._postfixed(self._primary())
        while self._next_is("|", "is"):
            part = self._filtered(part) if self._skip("|") else self._tested(part)
        if self._next_is("**", "(", "[", "."):
            raise NotPlainError
        return part

    def _primary(self) -> Part:
        token = self._tokens[self._place]
        if token.kind in {"text", "number"}:
            return self._literal()
        if token.kind == "name":
            if token.text in _CONSTANTS:
                self._place += 1
                constant = _CONSTANTS[token.text]
                return Part(lambda _run: constant, is_constant=True, text=str(constant))
            return Part(_named(self.take_name()))
        self._place += 1
        if token.text == "(":
            return self._parenthesized()
        if token.text == "[":
            return _collected(list, self._items("]"))
        if token.text == "{":
            return self._mapping()
        raise NotPlainError

    def _literal(self, sign: str = "") -> Part:
        token = self._tokens[self._place]
        self._place += 1
        value: object
        if token.kind == "number":
            value = (float if "." in token.text else int)(sign + token.text)
        else:
            value = _unquoted(token.text)
            if self._tokens[self._place].kind == "text":
                raise NotPlainError
        return Part(lambda _run: value, is_constant=True, text=str(value))

    def _parenthesized(self) -> Part:
        if self._skip(")"):
            return Part(lambda _run: (), is_constant=True)
        first = self._conditional()
        if self._skip(")"):
            return first
        self.expect(",")
        return _collected(tuple, [first, *self._items(")")])

    def _items(self, end: str) -> list[Part]:
        items: list[Part] = []
        while not self._skip(end):
            items.append(self._conditional())
            if not self._skip(",") and not self._next_is(end):
                raise NotPlainError
        return items

    def _mapping(self) -> Part:
        keys, values = [], []
        while not self._skip("}"):
            keys.append(self._conditional())
            self.expect(":")
            values.append(self._conditional())
            if not self._skip(",") and not self._next_is("}"):
                raise NotPlainError
        pairs = [(key.evaluate, value.evaluate) for key, value in zip(keys, values, strict=True)]
        is_constant = all(part.is_constant for part in (*keys, *values))
        return Part(lambda run: {key(run): value(run) for key, value in pairs}, is_constant)

    def _postfixed(self, part: Part) -> Part:
        while True:
            if self._skip("."):
                part = Part(_attribute(part.evaluate, self._any_name()))
            elif self._skip("["):
                key = self._conditional()
                self.expect("]")
                if part.is_constant and key.is_constant:
                    raise NotPlainError
                part = Part(_item(part.evaluate, key.evaluate))
            elif self._skip("("):
                part = Part(_call(part.evaluate, *self._arguments()))
            else:
                return part

    def _any_name(self) -> str:
        token = self._tokens[self._place]
        if token.kind != "name":
            raise NotPlainError
        self._place += 1
        return token.text

    def _arguments(self) -> tuple[list[Evaluate], dict[str, Evaluate]]:
        """Read what a call passes, its opening parenthesis being taken."""
        values, named, _is_constant = self._arguments_and_kind()
        return values, named

    def _arguments_and_kind(self) -> tuple[list[Evaluate], dict[str, Evaluate], bool]:
        values: list[Evaluate] = []
        named: dict[str, Evaluate] = {}
        is_constant = True
        while not self._skip(")"):
            token, after = self._tokens[self._place], self._tokens[self._place + 1]
            is_named = token.kind == "name" and after.text == "=" and after.kind == "mark"
            self._place += 2 * is_named
            part = self._conditional()
            is_constant = is_constant and part.is_constant
            if is_named and token.text not in named:
                named[token.text] = part.evaluate
            elif named or is_named:
                raise NotPlainError
            else:
                values.append(part.evaluate)
            if not self._skip(",") and not self._next_is(")"):
                raise NotPlainError
        return values, named, is_constant

    def _filtered(self, part: Part) -> Part:
        name = self._any_name()
        values, named, is_constant = (
            self._arguments_and_kind() if self._skip("(") else ([], {}, True)
        )
        if name not in self._environment.filters or (part.is_constant and is_constant):
            raise NotPlainError
        return Part(_filter(name, part.evaluate, values, named))

    def _tested(self, part: Part) -> Part:
        """Read ``is [not] name``; tests that take an argument are left to Jinja2."""
        self._place += 1
        is_negated = self._skip("not")
        name = self._any_name()
        after = self._tokens[self._place]
        takes_more = after.kind in {"text", "number"} or after.text in {"(", "[", "{", "."}
        if after.kind == "name":
            takes_more = after.text not in {"and", "or", "else"}
        if takes_more or part.is_constant or name not in self._environment.tests:
            raise NotPlainError
        return Part(_test(name, part.evaluate, is_negated=is_negated))


_PLAINLY: dict[str, Callable[..., object]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def _unquoted(written: str) -> str:
    inner = written[1:-1]
    if "\\" not in inner:
        return inner
    try:
        return inner.encode("ascii", "backslashreplace").decode("unicode-escape")
    except UnicodeDecodeError as error:
        raise NotPlainError from error


def _varying(part: Part) -> Part:
    if part.is_constant:
        raise NotPlainError
    return part


def _named(name: str) -> Evaluate:
    def evaluate(run: PlainRun) -> object:
        value = run.context.resolve_or_missing(name)
        return run.environment.undefined(name=name) if value is missing else value

    return evaluate


def _choice(test: Evaluate, first: Evaluate, second: Evaluate) -> Evaluate:
    return lambda run: first(run) if test(run) else second(run)


def _chosen(left: Part, right: Part, *, until: bool) -> Part:
    first, second = _varying(left).evaluate, right.evaluate
    if until:
        return Part(lambda run: first(run) or second(run))
    return Part(lambda run: first(run) and second(run))


def _is_in(value: object, values: object) -> bool:
    return value in values  # type: ignore[operator] # fails for a template as it does for Python


def _is_not_in(value: object, values: object) -> bool:
    return value not in values  # type: ignore[operator]


def _between(
    left: Part,
    right: Part,
    calculate: Callable[[object, object], object] | None,
    name: str = "",
) -> Part:
    """Calculate with two values; without ``calculate`` the environment does, and guards it."""
    if left.is_constant and right.is_constant:
        raise NotPlainError
    first, second = left.evaluate, right.evaluate
    if calculate is not None:
        return Part(lambda run: calculate(first(run), second(run)))
    return Part(lambda run: run.environment.call_binop(run.context, name, first(run), second(run)))


def _collected(make: Callable[[Iterable[object]], object], parts: list[Part]) -> Part:
    values = [part.evaluate for part in parts]
    is_constant = all(part.is_constant for part in parts)
    return Part(lambda run: make([value(run) for value in values]), is_constant)


def _attribute(owner: Evaluate, name: str) -> Evaluate:
    return lambda run: run.environment.getattr(owner(run), name)


def _item(owner: Evaluate, key: Evaluate) -> Evaluate:
    def evaluate(run: PlainRun) -> object:
        value: object = run.environment.getitem(owner(run), key(run))
        return value

    return evaluate


def _call(function: Evaluate, values: list[Evaluate], named: dict[str, Evaluate]) -> Evaluate:
    def evaluate(run: PlainRun) -> object:
        called: Callable[..., object] = function(run)  # type: ignore[assignment] # may not be
        positional = [value(run) for value in values]
        by_name = {name: value(run) for name, value in named.items()}
        return run.environment.call(run.context, called, *positional, **by_name)

    return evaluate


def _filter(
    name: str, value: Evaluate, values: list[Evaluate], named: dict[str, Evaluate]
) -> Evaluate:
    def evaluate(run: PlainRun) -> object:
        function: Callable[..., object] = run.environment.filters[name]
        given = [*_passed(run, function), value(run), *(each(run) for each in values)]
        return function(*given, **{key: each(run) for key, each in named.items()})

    return evaluate


def _test(name: str, value: Evaluate, *, is_negated: bool) -> Evaluate:
    def evaluate(run: PlainRun) -> object:
        function: Callable[..., object] = run.environment.tests[name]  # type: ignore[assignment]
        answer: object = function(*_passed(run, function), value(run))
        return not answer if is_negated else answer

    return evaluate


def _passed(run: PlainRun, function: Callable[..., object]) -> tuple[object, ...]:
    """Return what a filter or test wants to be passed before its value."""
    match _PassArg.from_obj(function):
        case _PassArg.context:
            return (run.context,)
        case _PassArg.eval_context:
            return (run.context.eval_ctx,)
        case _PassArg.environment:
            return (run.environment,)
        case _:
            return ()
