"""Templates: every macro of a project, compiled once, and the rendering of texts with them.

Compiling a template costs about a millisecond and running it a hundredth of that, so compiled code
is kept for as long as the project value lives.
"""

import marshal
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import CodeType, MappingProxyType, TracebackType
from typing import Protocol, runtime_checkable

from jinja2 import Template, TemplateError, TemplateSyntaxError, Undefined, UndefinedError
from jinja2.filters import FILTERS
from jinja2.tests import TESTS
from jinja2.utils import missing

from headwater.base.cache import Cache, NoCache
from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.spans import Span, span_at
from headwater.jinja.arguments import argument_hint
from headwater.jinja.budget import Limits, Meter
from headwater.jinja.bytecode import code_key
from headwater.jinja.environment import (
    MACRO_PREFIX,
    SCOPE,
    LenientUndefined,
    ScopedContext,
    TextEnvironment,
    has_jinja,
    join_values,
    make_text_environment,
    make_value_environment,
)
from headwater.jinja.macros import Macro, MacroIndex
from headwater.jinja.plain import Plain, read_plain
from headwater.jinja.plain_expressions import PlainRun

_DELIMITER = re.compile(r"\{[{%#]")
_UNKNOWN_NAME = re.compile(r"No (?P<kind>filter|test) named '(?P<name>\w+)'")
_DEPTH_MAX = 150


_PASSING = frozenset({"run_started_at", "invocation_id", "lipsum"})
"""Names whose values are others with every command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What came out of a text.

    Attributes:
        text: The result.
        macros_called: unique_ids of the macros that the text itself called, sorted.
        unknown_calls: Dotted names that the text itself called and nothing defines; only filled
            when rendering leniently, where such a call is not an error.
    """

    text: str
    macros_called: tuple[str, ...] = ()
    unknown_calls: tuple[str, ...] = ()


class ReturnedError(Exception):
    """How ``return(value)`` leaves a macro; never seen outside."""

    def __init__(self, value: object) -> None:
        super().__init__("return() outside of a macro")
        self.value = value


class CompilerFault(Exception):  # noqa: N818 - named after what a macro raises on purpose
    """A macro gave up with ``exceptions.raise_compiler_error`` or one of its sisters."""

    def __init__(self, message: str, code: str = "jinja-raised") -> None:
        super().__init__(message)
        self.code = code


class BoundMacro:
    """A macro that can be called while a text is rendered."""

    __slots__ = ("_scope", "macro")

    def __init__(self, scope: "Scope", macro: Macro) -> None:
        self._scope = scope
        self.macro = macro

    def __call__(self, *positional: object, **named: object) -> object:
        """Run the macro; ``return()`` gives its value, otherwise the text it renders."""
        scope = self._scope
        if not scope.depth:
            scope.called.add(self.macro.unique_id)
        function = scope.function_of(self.macro)
        if scope.depth >= _DEPTH_MAX:
            message = f"macro `{self.macro.name}` calls itself without end"
            raise CompilerFault(message, "jinja-recursion")
        scope.depth += 1
        try:
            return function(*positional, **named)
        except ReturnedError as returned:
            return returned.value
        finally:
            scope.depth -= 1

    @property
    def name(self) -> str:
        """The macro's name."""
        return self.macro.name

    def __str__(self) -> str:
        return self.macro.unique_id


class Namespace:
    """A package's macros by name: ``dbt_utils.star``."""

    __slots__ = ("_package", "_scope")

    def __init__(self, scope: "Scope", package: str) -> None:
        self._scope = scope
        self._package = package

    # By item and not by attribute: the sandbox refuses attributes that start with an underscore,
    # which macros of packages do.
    def __getitem__(self, name: str) -> object:
        """Return a macro of the package, ready to be called."""
        found = self._scope.in_package(self._package, name)
        if found is missing:
            raise KeyError(name)
        return found

    def get(self, name: str, default: object = None) -> object:
        """Return a macro of the package or the default."""
        found = self._scope.in_package(self._package, name)
        return default if found is missing else found

    def __contains__(self, name: object) -> bool:
        return self._scope.in_package(self._package, str(name)) is not missing


class EveryName:
    """``context`` in Jinja: everything that a bare name could mean, by item."""

    __slots__ = ("_scope",)

    def __init__(self, scope: "Scope") -> None:
        self._scope = scope

    def __getitem__(self, name: str) -> object:
        """Return what a name means."""
        found = self._scope.resolve(name)
        if found is missing:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return self._scope.resolve(str(name)) is not missing

    def get(self, name: str, default: object = None) -> object:
        """Return what a name means, or the default."""
        found = self._scope.resolve(name)
        return default if found is missing else found


def new_context(template: Template, variables: dict[str, object]) -> ScopedContext:
    """Make a context that shares variables, as ``Template.new_context`` does.

    Jinja would copy the names of its globals too, of which only templates that import others ask.
    """
    return ScopedContext(template.environment, variables, template.name or "", template.blocks)


@runtime_checkable
class _RendersTexts(Protocol):
    """``var``: a variable's text may be Jinja, which dbt renders where it is asked for."""

    def render_with(self, render: Callable[[str], str] | None) -> None:
        """Take what renders a text; None to leave texts as they are."""
        ...


class Scope:
    """One rendering: its variables, the macros it has called, how deep it is.

    Attributes:
        variables: What the text can name, macros aside.
        package: Package of the node, whose macros are looked at first.
        called: unique_ids of the macros that the text itself has called so far.
        depth: How many macros are running inside each other.
    """

    __slots__ = (
        "_functions",
        "_is_lenient",
        "_templates",
        "called",
        "depth",
        "package",
        "variables",
    )

    def __init__(
        self, templates: "Templates", package: str, variables: dict[str, object], *, lenient: bool
    ) -> None:
        self._templates = templates
        self._functions: dict[str, Callable[..., object]] = {}
        self._is_lenient = lenient
        self.variables = variables
        self.package = package
        self.called: set[str] = set()
        self.depth = 0

    def resolve(self, name: str) -> object:
        """Find what a bare name means; ``missing`` when it means nothing."""
        index = self._templates.index
        macro = index.user_macro_or_none(self.package, name)
        if macro is not None:
            return BoundMacro(self, macro)
        if name in self.variables and name != SCOPE:
            if name in _PASSING:
                self._templates.on_clock()
            self._templates.asked.add(name)
            return self.variables[name]
        if name in index.packages or name in index.our_names:
            return Namespace(self, name)
        macro = index.global_macros.get(name)
        return missing if macro is None else BoundMacro(self, macro)

    def in_package(self, package: str, name: str) -> object:
        """Find ``package.name``; our own package also has the functions of the context."""
        macro = self._templates.index.find_in_or_none(package, name)
        if macro is not None:
            return BoundMacro(self, macro)
        if package in self._templates.index.our_names:
            self._templates.asked.add(name)
            return missing if name == SCOPE else self.variables.get(name, missing)
        return missing

    def render(self, text: str) -> str:
        """Render a text with the variables of this rendering."""
        template = self._templates.template(text, name="<render>", lenient=self._is_lenient)
        context = new_context(template, self.variables)
        return self._templates.meter.joined(template.root_render_func(context))

    def dispatch(self, name: str, namespace: str | None) -> BoundMacro:
        """Find the implementation of a dispatched macro.

        Raises:
            CompilerFault: No package implements it.
        """
        macro = self._templates.index.dispatch_or_none(self.package, name, namespace)
        if macro is None:
            tried = " or ".join(f"`{prefix}__{name}`" for prefix in self._templates.index.prefixes)
            message = (
                f"`adapter.dispatch('{name}', '{namespace or ''}')` found no macro called {tried}"
            )
            raise CompilerFault(message, "macro-not-found")
        return BoundMacro(self, macro)

    def close(self) -> None:
        """Let go of what leads back here, so that all of it is freed at once."""
        if isinstance(var := self.variables.get("var"), _RendersTexts):
            var.render_with(None)
        self._functions.clear()
        self.variables = {}

    def function_of(self, macro: Macro) -> Callable[..., object]:
        """Return the compiled macro, bound to this rendering's variables."""
        function = self._functions.get(macro.unique_id)
        if function is None:
            template = self._templates.template(
                macro.text, name=macro.file, line=macro.line, lenient=self._is_lenient
            )
            context = new_context(template, self.variables)
            for _ in template.root_render_func(context):
                pass
            function = next(
                value for name, value in context.vars.items() if name.startswith(MACRO_PREFIX)
            )
            context.vars.clear()  # the macro knows its context: together they would never be freed
            self._functions[macro.unique_id] = function
        return function


class Templates:
    """The macros of a project and every text compiled so far.

    Not for use by several threads at once. Holds code only: it changes nothing that a caller sees.

    Attributes:
        index: Which macro a name means.
        meter: Counts what the running rendering takes.
        on_clock: Called when a text asks for something that is another with every command.
        asked: Names of the context that texts have asked for; whoever wants to know what one
            text asks for empties it before.
    """

    def __init__(
        self,
        index: MacroIndex,
        codes: Cache | None = None,
        limits: Limits | None = None,
        on_clock: Callable[[], None] = lambda: None,
    ) -> None:
        """Compile nothing yet.

        Args:
            index: Every macro.
            codes: Where compiled code outlives this process.
            limits: What one rendering may take.
            on_clock: Called when a text asks for something that is another with every command.
        """
        self.index = index
        self.on_clock = on_clock
        self.asked: set[str] = set()
        self._codes = codes or NoCache()
        self._unknown: list[str] = []
        unknown = self._unknown

        class Reporting(LenientUndefined):
            __slots__ = ()

            @staticmethod
            def report_call(name: str) -> None:
                unknown.append(name)

        self.meter = Meter(limits or Limits())
        self._strict = make_text_environment(Undefined, self.meter)
        self._lenient = make_text_environment(Reporting, self.meter)
        self._values = make_value_environment(Reporting, self.meter)
        self._strict_values = make_value_environment(Undefined, self.meter)
        self._code: dict[tuple[str, str, int, bool], CodeType] = {}
        self._plain: dict[tuple[str, bool], Plain | None] = {}
        self._templates: dict[tuple[int, str, str, int], Template] = {}

    def render(
        self,
        text: str,
        *,
        name: str,
        context: Mapping[str, object],
        package: str,
        lenient: bool = False,
    ) -> Rendered:
        """Render a text.

        Args:
            text: The text; one trailing newline is dropped, as Jinja does.
            name: File that it comes from, relative to the root project, for messages.
            context: Variables and functions, see ``headwater.project.context.node_context``.
            package: Package of the node, for macro visibility.
            lenient: Let undefined things be called and indexed, as while reading a project.

        Raises:
            Invalid: The text is not valid Jinja (``jinja-syntax``), names something undefined
                (``jinja-undefined``), a macro gave up (``jinja-raised``) or Python failed inside
                it (``jinja-failed``). ``where`` is the line of the text.
            HeadwaterError: Whatever a function of the context raised, with ``where`` filled in.
        """
        if not has_jinja(text):
            return Rendered(text=text.removesuffix("\n"))
        self._unknown.clear()
        scope = self._scope(context, package, lenient=lenient)
        parts = self._run(text, name, scope, lenient=lenient, value=False)
        return Rendered(
            text=self._joined(parts, name, text),
            macros_called=tuple(sorted(scope.called)),
            unknown_calls=tuple(dict.fromkeys(self._unknown)),
        )

    def evaluate(
        self,
        text: str,
        *,
        name: str,
        context: Mapping[str, object],
        package: str,
        lenient: bool = False,
    ) -> object:
        """Render a text from a YAML file to a value; a single expression keeps its type.

        The line break at the end of a text goes, as with every template.

        Raises:
            Invalid: As ``render``.
        """
        if not has_jinja(text):
            return text.removesuffix("\n")
        scope = self._scope(context, package, lenient=lenient)
        parts = self._run(text, name, scope, lenient=lenient, value=True)
        try:
            return join_values(parts)
        except ValueError as error:
            where = _line_span(name, text, 1)
            raise Invalid("jinja-failed", f"{error}", fix=_FAILED_FIX, where=where) from error

    def call(
        self,
        macro: Macro,
        *positional: object,
        context: Mapping[str, object],
        package: str,
        lenient: bool = True,
        **named: object,
    ) -> object:
        """Call one macro from outside of a text.

        Args:
            macro: The macro.
            *positional: Its arguments.
            context: What it sees.
            package: Where its bare names are looked for first.
            lenient: Let what is not there be nothing.
            **named: Its arguments by name.

        Raises:
            Invalid: As ``render``.
        """
        scope = self._scope(context, package, lenient=lenient)
        try:
            with self.meter:
                return BoundMacro(scope, macro)(*positional, **named)
        except Exception as error:
            raise self._explained(error, macro.file, macro.text) from error
        finally:
            scope.close()

    def forget(self, text: str) -> None:
        """Let go of a text that was read: it will hardly be rendered again, and is read anew if so.

        What it was read into takes ten times the memory of the text.
        """
        self._plain.pop((text, False), None)

    def check(self, text: str, *, name: str, line: int = 1) -> None:
        """Compile a text without running it.

        Raises:
            Invalid: ``jinja-syntax``, with the line.
        """
        try:
            self._compiled(text, name, line, value=False)
        except TemplateSyntaxError as error:
            raise _syntax_error(error, name, "\n" * (line - 1) + text) from error

    def template(
        self, text: str, *, name: str, line: int = 1, lenient: bool = False, value: bool = False
    ) -> Template:
        """Return a text as a compiled template.

        Raises:
            TemplateSyntaxError: It is not valid Jinja.
        """
        environment = self._environment(lenient=lenient, value=value)
        key = (id(environment), text, name, line)
        found = self._templates.get(key)
        if found is None:
            code = self._compiled(text, name, line, value=value)
            found = Template.from_code(environment, code, environment.globals)
            self._templates[key] = found
        return found

    def _plain_or_none(self, text: str, *, value: bool) -> Plain | None:
        key = (text, value)
        if key not in self._plain:
            self._plain[key] = read_plain(text, self._strict, value=value)
        return self._plain[key]

    def _environment(self, *, lenient: bool, value: bool) -> TextEnvironment:
        if value:
            return self._values if lenient else self._strict_values
        return self._lenient if lenient else self._strict

    def _compiled(self, text: str, name: str, line: int, *, value: bool) -> CodeType:
        key = (text, name, line, value)
        code = self._code.get(key)
        if code is None:
            code = self._code[key] = self._kept_or_new(text, name, line, value=value)
        return code

    def _kept_or_new(self, text: str, name: str, line: int, *, value: bool) -> CodeType:
        key = code_key(text, name, line, value=value)
        kept = self._codes.find_or_none(key)
        if kept is not None:
            code: CodeType = marshal.loads(kept)  # noqa: S302 - only code that we compiled
            return code
        environment = self._environment(lenient=False, value=value)
        made = environment.compile("\n" * (line - 1) + text, name, name)
        self._codes.keep(key, marshal.dumps(made))
        return made

    def _scope(self, context: Mapping[str, object], package: str, *, lenient: bool) -> Scope:
        variables = {**self._strict.globals, **context}
        scope = Scope(self, package, variables, lenient=lenient)
        variables[SCOPE] = scope
        variables["context"] = EveryName(scope)
        if isinstance(var := variables.get("var"), _RendersTexts):
            var.render_with(scope.render)
        return scope

    def _run(
        self, text: str, name: str, scope: Scope, *, lenient: bool, value: bool
    ) -> list[object]:
        plain = self._plain_or_none(text, value=value)
        if plain is not None:
            environment = self._environment(lenient=lenient, value=value)
            return self._run_plain(plain, environment, text, name, scope)
        try:
            template = self.template(text, name=name, lenient=lenient, value=value)
            context = new_context(template, scope.variables)
            with self.meter:
                return list(template.root_render_func(context))
        except ReturnedError as returned:
            return [returned.value]
        except Exception as error:
            raise self._explained(error, name, text) from error
        finally:
            scope.close()

    def _run_plain(
        self, plain: Plain, environment: TextEnvironment, text: str, name: str, scope: Scope
    ) -> list[object]:
        run = PlainRun(environment, ScopedContext(environment, scope.variables, name, {}))
        try:
            with self.meter:
                return plain.run(run)
        except ReturnedError as returned:
            return [returned.value]
        except Exception as error:
            raise self._explained(error, name, text, run.offset) from error
        finally:
            scope.close()

    def _joined(self, parts: list[object], name: str, text: str) -> str:
        try:
            return self.meter.joined(parts)
        except HeadwaterError as error:
            error.where = _line_span(name, text, 1)
            raise

    def _explained(
        self, error: Exception, name: str, text: str, offset: int | None = None
    ) -> HeadwaterError:
        if isinstance(error, TemplateSyntaxError):
            return _syntax_error(error, name, text)
        frames = list(_template_frames(error.__traceback__))
        if offset is None:
            line = next((line for file, line in frames if file == name), 1)
            where = _line_span(name, text, line)
        else:
            where = span_at(name, text, offset)
        via = _via([f"in {file}:{line}" for file, line in frames if file != name])
        if isinstance(error, HeadwaterError):
            error.where = error.where or where
            error.why = "; ".join(filter(None, (error.why, via)))
            return error
        if isinstance(error, CompilerFault):
            fix = _FAULT_FIXES.get(error.code, _RAISED_FIX)
            return Invalid(error.code, str(error), why=via, fix=fix, where=where)
        if isinstance(error, UndefinedError):
            what = f"{error.message or error}"
            return Invalid("jinja-undefined", what, why=via, fix=_UNDEFINED_FIX, where=where)
        if isinstance(error, RecursionError):
            what = "macros call each other without end"
            return Invalid("jinja-recursion", what, why=via, fix=_RECURSION_FIX, where=where)
        message = f"{error}".replace(MACRO_PREFIX, "")
        what = f"Jinja failed: {type(error).__name__}: {message}"
        fix = argument_hint(self.index, message) or _FAILED_FIX
        return Invalid("jinja-failed", what, why=via, fix=fix, where=where)


def _via(hops: list[str]) -> str:
    """Name the places that led to a fault; of a long way only its ends."""
    if len(hops) > _HOPS_MAX:
        left_out = len(hops) - _HOPS_MAX
        hops = [*hops[: _HOPS_MAX // 2], f"{left_out} more", *hops[-_HOPS_MAX // 2 :]]
    return "; ".join(hops)


_HOPS_MAX = 6
_UNDEFINED_FIX = (
    "Check the spelling; a macro of a package is called as `package.macro` and needs `hw deps`"
)
_FAILED_FIX = "Check the values and arguments that this line passes, and their types"
_RAISED_FIX = "The macro refused on purpose: give it what its message asks for"
_RECURSION_FIX = "Give the macro a condition under which it no longer calls itself"
_SYNTAX_FIX = "Close every `{{`, `{%` and quote, and end every block: `{% endif %}`, `{% endfor %}`"
_FAULT_FIXES: Mapping[str, str] = MappingProxyType(
    {
        "jinja-recursion": _RECURSION_FIX,
        "macro-not-found": "Define one of them, or install its package with `hw deps`",
    }
)


def _template_frames(traceback: TracebackType | None) -> Iterable[tuple[str, int]]:
    while traceback is not None:
        template = traceback.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            yield template.name or "", template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next


def _line_span(name: str, text: str, line: int) -> Span:
    lines = text.splitlines()
    content = lines[line - 1] if line <= len(lines) else ""
    match = _DELIMITER.search(content)
    return Span(file=name, line=line, column=match.start() + 1 if match else 1)


def _syntax_error(error: TemplateSyntaxError, name: str, text: str) -> Invalid:
    what = f"not valid Jinja: {(error.message or '').rstrip('.')}"
    where = _line_span(
        error.name or name, text if (error.name or name) == name else "", error.lineno
    )
    unknown = _UNKNOWN_NAME.search(what)
    if unknown is None:
        return Invalid("jinja-syntax", what, fix=_SYNTAX_FIX, where=where)
    known = FILTERS if unknown["kind"] == "filter" else TESTS
    near = get_close_matches(unknown["name"], known, n=1)
    fix = f"did you mean `{near[0]}`?" if near else f"use one of Jinja's own {unknown['kind']}s"
    return Invalid("jinja-syntax", what, fix=fix, where=where)


__all__ = [
    "BoundMacro",
    "CompilerFault",
    "Namespace",
    "Rendered",
    "ReturnedError",
    "Scope",
    "TemplateError",
    "Templates",
]
