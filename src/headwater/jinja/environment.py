"""The sandboxed Jinja environments: dbt's tags, filters and treatment of undefined names.

Kept apart from rendering because the three environments (lenient for reading a project, strict for
compiling it, native for values in YAML) must agree on every tag.
"""

import re
from ast import literal_eval
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from types import BuiltinMethodType, MethodType

from jinja2 import Environment, Undefined, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension, LoopControlExtension, do
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import generate_lorem_ipsum, missing

from headwater.jinja.budget import Meter
from headwater.jinja.guards import (
    OPERATORS,
    guarded_filter,
    guarded_format,
    guarded_join_filter,
    guarded_method,
    lipsum_of,
    range_of,
)

MACRO_PREFIX = "dbt_macro__"
"""Put before a macro's name inside its template, so that calls go through the project's macros."""

SCOPE = "__scope__"
"""Key of the running Scope among a template's variables; no template finds it by this name."""

_HAS_JINJA = re.compile(r"\{[{%#]")


def has_jinja(text: str) -> bool:
    """Say whether a text needs the engine at all."""
    return _HAS_JINJA.search(text) is not None


def is_undefined(value: object) -> bool:
    """Say whether a value is what Jinja gives for a name that nothing defines."""
    return isinstance(value, Undefined)


class MacroParser(Parser):
    """Renames every macro, so that a project can override one, and counts the turns of loops."""

    def parse_for(self) -> nodes.For:
        """Parse ``{% for %}``; each turn is counted."""
        node = super().parse_for()
        counted = nodes.ExprStmt(nodes.EnvironmentAttribute("tick"), lineno=node.lineno)
        node.body.insert(0, counted)
        return node

    def parse_macro(self) -> nodes.Macro:
        """Parse ``{% macro name(...) %}``."""
        node = super().parse_macro()
        node.name = MACRO_PREFIX + node.name
        return node


class TestTag(Extension):
    """``{% test name(model, ...) %}`` and ``{% data_test %}``: a macro called ``test_name``."""

    tags = frozenset({"test", "data_test"})  # type: ignore[assignment]

    def parse(self, parser: Parser) -> nodes.Macro:
        """Turn the tag into a macro."""
        node = nodes.Macro(lineno=next(parser.stream).lineno)
        name = parser.parse_assign_target(name_only=True).name
        parser.parse_signature(node)
        node.name = f"{MACRO_PREFIX}test_{name}"
        node.body = parser.parse_statements(("name:endtest", "name:enddata_test"), drop_needle=True)
        return node


class MaterializationTag(Extension):
    """``{% materialization name, adapter='duckdb' %}``: parsed and kept, never run."""

    tags = frozenset({"materialization"})  # type: ignore[assignment]

    def parse(self, parser: Parser) -> nodes.Macro:
        """Turn the tag into a macro without arguments."""
        node = nodes.Macro(lineno=next(parser.stream).lineno)
        name = parser.parse_assign_target(name_only=True).name
        node.args, node.defaults = [], []
        while parser.stream.skip_if("comma"):
            parser.parse_assign_target(name_only=True)
            if parser.stream.skip_if("assign"):
                parser.parse_expression()
        node.name = f"{MACRO_PREFIX}materialization_{name}"
        node.body = parser.parse_statements(("name:endmaterialization",), drop_needle=True)
        return node


class ScopedContext(Context):
    """Finds names in dbt's order: the user's macros, the context, packages, our own macros."""

    def resolve_or_missing(self, key: str) -> object:
        """Look a name up; ``missing`` when nothing has it."""
        if key in self.vars:
            return self.vars[key]
        scope = self.parent.get(SCOPE)
        if scope is None:
            return self.parent.get(key, missing)
        return scope.resolve(key)


class LenientUndefined(Undefined):
    """An undefined that can be called, indexed and asked for attributes without end.

    While a project is read no query runs, so what a query would have returned is undefined.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> "LenientUndefined":
        if name[:2] == "__":
            raise AttributeError(name)
        return type(self)(name=f"{self._undefined_name}.{name}")

    def __getitem__(self, key: object) -> "LenientUndefined":  # type: ignore[override]
        return type(self)(name=f"{self._undefined_name}.{key}")

    def __call__(self, *_args: object, **_named: object) -> "LenientUndefined":  # type: ignore[override]
        """Report the call and stay undefined."""
        self.report_call(self._undefined_name or "")
        return self

    @staticmethod
    def report_call(name: str) -> None:
        """Take the dotted name of an undefined that was called."""


class _CountingCode(CodeGenerator):
    """Compiles ``~`` and what is put into the text to calls that know how large a text may be."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write ``a ~ b``."""
        self.write("environment.meter.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write ``a[b]``; a slice is a copy, and counted."""
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.sliced(")
        self.visit(node.node, frame)
        self.write(", slice(")
        for part in (node.arg.start, node.arg.stop, node.arg.step):
            if part is None:
                self.write("None, ")
            else:
                self.visit(part, frame)
                self.write(", ")
        self.write("))")


class TextCode(_CountingCode):
    """Compiles templates that give text."""

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        del node, frame, finalize
        self.write("environment.meter.text(")

    def _output_child_post(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        del node, frame, finalize
        self.write(")")


class ValueCode(NativeCodeGenerator, _CountingCode):
    """Compiles templates that give values."""


class TextEnvironment(SandboxedEnvironment):
    """Renders to text, and counts what that takes.

    Attributes:
        meter: Counts; each step of a template asks it whether it may go on.
    """

    context_class = ScopedContext
    code_generator_class: type[CodeGenerator] = TextCode
    intercepted_binops = frozenset(OPERATORS)
    macro_numbering = 0
    meter: Meter

    @property
    def tick(self) -> None:
        """Count a turn of a loop; every loop of a compiled template reads this."""
        self.meter.tick()

    def call(
        self, context: Context, function: Callable[..., object], *args: object, **named: object
    ) -> object:
        """Call a function for a template.

        Jinja also asks here whether the function carries a mark that it is unsafe. None that
        templates can reach does, and not asking pays for the counting.
        """
        self.meter.tick()
        result: object = context.call(function, *args, **named)
        if result.__class__ is str:
            self.meter.made(len(result))
        return result

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Calculate for a template."""
        OPERATORS[operator](self.meter, left, right)
        return super().call_binop(context, operator, left, right)

    def sliced(self, value: Sequence[object], part: slice) -> object:
        """Copy a part of a text or list for a template."""
        result = value[part]
        if isinstance(result, (str, list, tuple)):
            self.meter.made(len(result))
        return result

    def wrap_str_format(self, value: object) -> Callable[..., object] | None:  # type: ignore[override]
        """Put guards around a method that a template takes; None when it needs none."""
        if not isinstance(value, (BuiltinMethodType, MethodType)):
            return None
        owner = value.__self__
        if value.__name__ in {"format", "format_map"} and isinstance(owner, str):
            takes_mapping = value.__name__ == "format_map"
            return guarded_format(self, owner, takes_mapping=takes_mapping)
        return guarded_method(self.meter, value)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return MacroParser(self, source, name, filename).parse()


class ValueEnvironment(TextEnvironment):
    """Renders a single expression to its value instead of to text."""

    code_generator_class = ValueCode


class Marked(str):
    """Text that a filter asked to be read as another type."""

    __slots__ = ()


class AsText(Marked):
    """``as_text``: keep it text."""

    __slots__ = ()


class AsBool(Marked):
    """``as_bool``: must read as a boolean."""

    __slots__ = ()


class AsNumber(Marked):
    """``as_number``: must read as a number."""

    __slots__ = ()


class AsNative(Marked):
    """``as_native``: read as a Python literal where possible."""

    __slots__ = ()


def join_values(parts: Iterable[object]) -> object:
    """Turn the rendered parts of a template into one value.

    A single expression keeps its type; ``as_bool``, ``as_number`` and ``as_native`` read the text
    as a literal; anything else is joined as text.

    Raises:
        ValueError: A filter's text is not what the filter asks for.
    """
    rest = iter(parts)
    head = list(islice(rest, 2))
    if not head:
        return ""
    if len(head) > 1:
        return "".join(str(part) for part in chain(head, rest))
    value = head[0]
    if isinstance(value, AsText):
        return str(value)
    if not isinstance(value, Marked):
        return value
    return _read_marked(value)


def _read_marked(value: Marked) -> object:
    try:
        result: object = literal_eval(value)
    except (ValueError, SyntaxError, MemoryError):
        lowered = {"true": True, "false": False}
        result = lowered.get(value.strip().lower(), str(value))
    if isinstance(value, AsBool) and not isinstance(result, bool):
        message = f"as_bool: {str(value)!r} is not a boolean"
        raise ValueError(message)  # noqa: TRY004 - the value is wrong, not a caller's type
    is_number = isinstance(result, (int, float)) and not isinstance(result, bool)
    if isinstance(value, AsNumber) and not is_number:
        message = f"as_number: {str(value)!r} is not a number"
        raise ValueError(message)
    return result


def _mark(kind: type[Marked]) -> Callable[[object], object]:
    def mark(value: object) -> object:
        # Also what is no text: a constant that is left unmarked would be folded into text.
        return kind(value)

    return mark


def _unchanged(value: object) -> object:
    return value


_EXTENSIONS = (do, LoopControlExtension, TestTag, MaterializationTag)


def make_text_environment(undefined: type[Undefined], meter: Meter) -> TextEnvironment:
    """Make an environment that renders to text."""
    environment = TextEnvironment(extensions=_EXTENSIONS, undefined=undefined, cache_size=0)
    names = ("as_text", "as_bool", "as_number", "as_native")
    environment.filters.update(dict.fromkeys(names, _unchanged))
    _count(environment, meter)
    return environment


def parse_template(text: str) -> nodes.Template:
    """Parse a template into its tree, for those who read it and run nothing.

    Raises:
        jinja2.TemplateSyntaxError: It is none.
    """
    return Environment(extensions=_EXTENSIONS).parse(text)  # noqa: S701 - it renders nothing


def make_value_environment(undefined: type[Undefined], meter: Meter) -> ValueEnvironment:
    """Make an environment that renders single expressions to values."""
    environment = ValueEnvironment(extensions=_EXTENSIONS, undefined=undefined, cache_size=0)
    environment.filters.update(
        as_text=_mark(AsText),
        as_bool=_mark(AsBool),
        as_number=_mark(AsNumber),
        as_native=_mark(AsNative),
    )
    _count(environment, meter)
    return environment


def _noted(pick: Callable[..., object]) -> Callable[..., object]:
    """Return the filter ``random``, whose use is seen as that of the name ``lipsum`` is."""

    @pass_context
    def call(context: Context, values: object) -> object:
        context.resolve_or_missing("lipsum")
        return pick(context, values)

    return call


def _count(environment: TextEnvironment, meter: Meter) -> None:
    environment.meter = meter
    environment.concat = meter.concat  # type: ignore[method-assign, assignment] # Jinja's way
    filters = environment.filters
    filters.update({name: guarded_filter(meter, name, filters[name]) for name in filters})
    filters["join"] = guarded_join_filter(meter, filters["join"])
    filters["random"] = _noted(filters["random"])
    environment.globals["range"] = range_of(meter)
    environment.globals["lipsum"] = lipsum_of(meter, generate_lorem_ipsum)
