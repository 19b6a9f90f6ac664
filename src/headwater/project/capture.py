"""What a text asks for: its refs, sources, config and macros, taken by rendering it once.

Rendering with ``execute`` false is how dbt finds dependencies too: scanning alone misses what
macros do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NoReturn, cast

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic, diagnostic_of
from headwater.base.errors import HeadwaterError, InternalError
from headwater.base.ids import NodeId
from headwater.base.relations import Column, TableName
from headwater.base.spans import Span, span_at
from headwater.jinja.context import Subject, Variables, make_context, own_value
from headwater.jinja.environment import is_undefined
from headwater.jinja.host import WrittenVersion
from headwater.jinja.own_text import OwnText
from headwater.jinja.relation import Relation
from headwater.project.config import Config, merge_calls
from headwater.project.findings import suggestion
from headwater.project.node import Ref, SourceRef
from headwater.project.reading import Reading, Version
from headwater.project.shown import SHOWN, without_shown

_CALLS = re.compile(
    r"\b(ref|source)\s*\(\s*(?:(['\"])(?P<first>[^'\"]+)\2)?\s*(?:,\s*(['\"])(?P<second>[^'\"]+)\4)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text to render while reading.

    Attributes:
        kind: Resource type.
        package: Its package.
        name: Name of its node.
        file: File relative to the root project.
        path: File relative to its package's root.
        fqn: Path of its node.
        code: The text.
        version: Of a version of a model, the model's name and the version.
        line: Line of its file in which it begins.
    """

    kind: str
    package: str
    name: str
    file: str
    path: str
    fqn: tuple[str, ...]
    code: str
    version: Version | None = None
    line: int = 1

    @property
    def unique_id(self) -> NodeId:
        """Identifier of its node."""
        if self.version is None:
            return NodeId(f"{self.kind}.{self.package}.{self.name}")
        return NodeId(f"{self.kind}.{self.package}.{self.version.name}.v{self.version.v}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What came of rendering.

    Attributes:
        refs: Calls of ref, each once, in order.
        sources: Calls of source, each once, in order.
        functions: Calls of function, each once, in order.
        macros: unique_ids of the macros called, sorted.
        config: Merged config() calls.
        is_broken: Whether it could not be rendered; a finding says why.
    """

    refs: tuple[Ref, ...] = ()
    sources: tuple[SourceRef, ...] = ()
    functions: tuple[Ref, ...] = ()
    macros: tuple[str, ...] = ()
    config: Config
    is_broken: bool = False


class ConfigCalls:
    """``config`` while a project is read: takes values, answers nothing."""

    __slots__ = ("_base", "_own", "values")

    def __init__(self, base: Mapping[str, Json]) -> None:
        self._base = base
        self._own: dict[str, object] = {}
        self.values: Config = {}

    def __call__(self, *positional: object, **named: object) -> str:
        """Take the values of one call."""
        call: dict[str, Json] = {}
        for mapping in positional:
            if isinstance(mapping, Mapping):
                call |= cast("dict[str, Json]", plain(mapping))
        call |= cast("dict[str, Json]", plain(named))
        merge_calls(self.values, {_underscored(key): value for key, value in call.items()})
        return ""

    def set(self, name: str, value: object) -> str:
        """Take one value."""
        return self(**{name: value})

    def get(self, name: str, default: object = None, validator: object = None) -> object:
        """Return what is known so far: values of this file, else of folders, else the default."""
        del validator
        value: object = self.values.get(name)
        if value is None and name in self._base:
            value = own_value(self._own, self._base, name)
        return default if value is None else value

    def require(self, name: str, validator: object = None) -> object:
        """Return what is known so far; whether it is set is judged when compiling."""
        del validator
        return self.get(name, "")

    def meta_get(self, name: str, default: object = None, validator: object = None) -> object:
        """Return a value of ``meta`` as far as it is known."""
        del validator
        meta = self.get("meta")
        return meta.get(name, default) if isinstance(meta, Mapping) else default

    def meta_require(self, name: str, validator: object = None) -> object:
        """Return a value of ``meta`` as far as it is known."""
        return self.meta_get(name, "", validator)

    def persist_relation_docs(self) -> bool:
        """Not known yet."""
        return False

    def persist_column_docs(self) -> bool:
        """Not known yet."""
        return False


class ReadingHost:
    """The Host of reading: notes what is asked for and answers with the node's own name."""

    execute = False
    can_write = False

    def __init__(self, this: Relation) -> None:
        self._this = this
        self.refs: dict[tuple[str, str | None, WrittenVersion], None] = {}
        self.sources: dict[tuple[str, str], None] = {}
        self.functions: dict[tuple[str, str | None], None] = {}
        self.warnings: list[str] = []

    def ref(self, name: str, package: str | None, version: WrittenVersion) -> Relation:
        """Note the ref."""
        self.refs[name, package, version] = None
        return self._this

    def source(self, source_name: str, name: str) -> Relation:
        """Note the source."""
        self.sources[source_name, name] = None
        return self._this

    def function(self, name: str, package: str | None) -> Relation:
        """Note the function."""
        self.functions[name, package] = None
        return self._this

    def this(self) -> Relation:
        """Return the node's name as far as it is known."""
        return self._this

    def is_incremental(self) -> bool:
        """Answer no: nothing exists while reading."""
        return False

    def run_query(self, sql: str) -> NoReturn:
        """Never asked: ``execute`` is false."""
        raise InternalError("jinja-failed", f"a query ran while reading: {sql[:80]}")

    def relation_or_none(self, table: TableName) -> None:  # noqa: ARG002 - the Protocol's
        """Never asked: ``execute`` is false."""
        return

    def columns(self, relation: Relation) -> tuple[Column, ...]:  # noqa: ARG002 - the Protocol's
        """Never asked: ``execute`` is false."""
        return ()

    def log(self, message: str, *, info: bool) -> None:
        """Drop it: texts are rendered again when compiling, and speak then."""

    def warn(self, message: str) -> None:
        """Keep a macro's warning."""
        self.warnings.append(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A rendering in progress: the context, and what it notes.

    Attributes:
        context: For ``Templates``.
        host: Notes refs and sources.
        calls: Notes config.
    """

    context: dict[str, object]
    host: ReadingHost
    calls: ConfigCalls


def open_session(reading: Reading, text: Text, base: Mapping[str, Json]) -> Session:
    """Make the context for reading one text."""
    target = reading.options.target
    table = TableName(target.catalog, target.schema, text.name)
    this = Relation.of_table(table, naming=reading.values.naming)
    host = ReadingHost(this)
    calls = ConfigCalls(base)
    variables = Variables(reading.variables.get(text.package, {}), is_lenient=True)
    subject = Subject(
        package=text.package,
        model=OwnText(
            _early_model(text, target.catalog, target.schema),
            partial(reading.note_text, text.unique_id),
        ),
        config=calls,
        variables=variables,
        database=target.catalog,
        schema=target.schema,
        graph={key: {} for key in _GRAPH_KEYS},
    )
    context = make_context(reading.values, subject, host)
    return Session(context=context, host=host, calls=calls)


_GRAPH_KEYS = (
    "nodes", "sources", "exposures", "metrics", "groups", "semantic_models", "saved_queries",
    "unit_tests", "functions",
)  # fmt: skip


def _early_model(text: Text, database: str, schema: str) -> dict[str, object]:
    return {
        "unique_id": text.unique_id,
        "resource_type": text.kind,
        "package_name": text.package,
        "name": text.name,
        "alias": text.name,
        "path": text.path,
        "original_file_path": text.path,
        "fqn": list(text.fqn),
        "database": database,
        "schema": schema,
        "raw_code": text.code,
        "config": {},
        "tags": [],
        "meta": {},
        "columns": {},
        "refs": [],
        "sources": [],
        "depends_on": {"macros": [], "nodes": []},
    }


def capture(reading: Reading, text: Text, *, base: Mapping[str, Json] | None = None) -> Captured:
    """Render a text as dbt parses it and return what it asked for; findings go to ``reading``."""
    session = open_session(reading, text, base or {})
    return render_captured(reading, text, session)


def render_captured(reading: Reading, text: Text, session: Session) -> Captured:
    """Render a text in an open session."""
    is_broken = False
    macros: tuple[str, ...] = ()
    # The text as ``render_node`` renders it later: then it is compiled once.
    code = text.code if text.kind in {"snapshot", "operation"} else text.code.rstrip()
    if not any(reading.templates.index.user_macro_or_none(text.package, name) for name in SHOWN):
        code = without_shown(code, reading.passing.get(text.package, frozenset()))
    try:
        rendered = reading.templates.render(
            code,
            name=text.file,
            context=session.context,
            package=text.package,
            lenient=True,
        )
        macros = rendered.macros_called
        for name in rendered.unknown_calls:
            reading.note_text(text.unique_id)
            is_broken = _report_unknown(reading, text, name) or is_broken
    except HeadwaterError as error:
        is_broken = True
        node = text.unique_id
        reading.found.append(diagnostic_of(error, node=node))
    host = session.host
    places = _places(text)
    return Captured(
        refs=tuple(
            Ref(name=name, package=package, version=version, where=places.get(("ref", name)))
            for name, package, version in host.refs
        ),
        sources=tuple(
            SourceRef(source_name=source, name=name, where=places.get(("source", name)))
            for source, name in host.sources
        ),
        functions=tuple(Ref(name=name, package=package) for name, package in host.functions),
        macros=macros,
        config=session.calls.values,
        is_broken=is_broken,
    )


def _places(text: Text) -> dict[tuple[str, str], Span]:
    places: dict[tuple[str, str], Span] = {}
    for match in _CALLS.finditer(text.code):
        name = match["second"] or match["first"]
        if name:
            start = match.start("second" if match["second"] else "first")
            key = (match[1], name)
            if key not in places:
                places[key] = span_at(text.file, text.code, start, len(name))
    return places


def _report_unknown(reading: Reading, text: Text, name: str) -> bool:
    """Report a call of something that nothing defines, unless the text itself may define it."""
    first, _, rest = name.partition(".")
    if re.search(rf"\b(set|for|import|as|macro|call)\b[^%]*\b{re.escape(first)}\b", text.code):
        return False
    if rest.count(".") or not re.search(rf"\b{re.escape(first)}\b", text.code):
        return False
    index = reading.templates.index
    if rest and first not in index.packages and not _looks_like_package(reading, first):
        return False
    match = re.search(rf"\b{re.escape(first)}\b", text.code)
    known = (
        index.packages.get(first)
        if rest
        else {
            **index.global_macros,
            **index.packages[index.root],
            **index.packages.get(text.package, {}),
        }
    )
    if rest and first not in index.packages:
        fix = f"Package `{first}` is not installed: run `hw deps`"
    else:
        fix = suggestion(rest or first, known or {}) or "Check the spelling"
    reading.found.append(
        Diagnostic(
            code="macro-not-found",
            severity="error",
            what=f"`{name}` is called and no macro has this name",
            fix=fix,
            where=span_at(text.file, text.code, match.start(), len(name)) if match else None,
            node=text.unique_id,
        )
    )
    return True


def _looks_like_package(reading: Reading, name: str) -> bool:
    return name not in {"model", "this", "target", "graph", "flags"} and (
        name in reading.wanted_packages or name.startswith("dbt_")
    )


def _underscored(key: str) -> str:
    return key.replace("-", "_")


def plain(value: object) -> Json:
    """Turn a value from Jinja into JSON: undefined becomes null, a time ISO 8601."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return str(value)
    if is_undefined(value):
        return None
    if isinstance(value, Relation):
        return value.render()
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(part) for part in value), key=str)
    return value.isoformat() if isinstance(value, datetime) else str(value)
