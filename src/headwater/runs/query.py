"""Answers to ad-hoc SQL: finds the relations that a text names, binds them, runs it.

``hw sql``, ``hw show`` and macros that ask questions while compiling come through here. The text
stays as it was written, but for the places where relations are named.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from headwater.base.errors import Invalid, NotFound, UserCodeError
from headwater.base.functions import is_function_document
from headwater.base.relations import Column, TableName
from headwater.base.spans import offset_of, span_at
from headwater.catalog.names import parts_or_none, resolve_among
from headwater.catalog.records import TableRecord, ViewRecord
from headwater.engines.engine import EmptySource, Result, Session, Source, ViewSource
from headwater.lake.replay import LOG_FOLDER
from headwater.lake.snapshot import Snapshot
from headwater.lake.table import Table
from headwater.runs.change_reads import bind_changes
from headwater.runs.context import Context
from headwater.runs.narrow import narrowed
from headwater.runs.pins import Pins, read_relation_or_none, table_of_record
from headwater.runs.questions import answer_or_none, plain_describe
from headwater.sql.duckdb_functions import KNOWN_CALLS
from headwater.sql.relations import RelationUse, find_relations, original_offset, substitute

_CALLED = re.compile(r'(\.\s*"?)?(\w+)"?\s*\(')

VIEW_DEPTH_MAX = 100
"""How deep views may lie within views; deeper is taken for a cycle."""


def run_sql(context: Context, sql: str, *, rows_max: int) -> Result:
    """Run a query whose relations are resolved by name, version or path.

    Raises:
        NotFound: ``relation-not-found``, ``version-not-found``.
        Invalid: ``relation-ambiguous``, ``view-has-no-versions``, ``timestamp-unreadable``.
        UserCodeError: The engine refused or failed the query.
    """
    answer = answer_or_none(context, sql, rows_max=rows_max)
    if answer is not None:
        return answer
    sql = plain_describe(sql)
    session = context.engine.open_session(catalog=context.catalog, schema=context.schema)
    try:
        binder = _Binder(context, session)
        replacements = binder.find_names(sql, depth=0)
        bound = substitute(sql, replacements)
        binder.bind_all(bound)
        try:
            return session.query(bound, rows_max=rows_max)
        except UserCodeError as error:
            if error.where is not None:
                offset = offset_of(bound, error.where.line, error.where.column)
                at = original_offset(replacements, sql, offset)
                error.where = span_at(error.where.file, sql, at)
            raise
    finally:
        session.close()


def read_columns_or_none(
    context: Context, name: TableName, session: Session | None = None
) -> tuple[Column, ...] | None:
    """Return the columns of a table, view or source that exists, or None.

    Args:
        context: Where to look.
        name: The relation.
        session: Where a file is bound to be described; a session of its own when None.
    """
    record = context.metastore.find_relation_or_none(name)
    if record is not None and hasattr(record, "columns"):
        return record.columns
    found = read_relation_or_none(context, name)
    match found.source if found else None:
        case None:
            return None
        case Snapshot(columns=columns) | EmptySource(columns=columns):
            return columns
        case source:
            return _described(context, name, source, session)


def _described(
    context: Context, name: TableName, source: Source, session: Session | None
) -> tuple[Column, ...]:
    if session is not None:
        session.bind(name, source)
        return session.describe(f"select * from {name.quoted()}")  # noqa: S608 - quoted
    session = context.engine.open_session(catalog=context.catalog, schema=context.schema)
    try:
        return _described(context, name, source, session)
    finally:
        session.close()


class _Binder:
    """Finds the relations of a query, each once, and binds them into one session."""

    def __init__(self, context: Context, session: Session) -> None:
        self._context = context
        self._session = session
        self._sources: dict[TableName, Source] = {}
        self._has_functions = False

    def bind_all(self, sql: str) -> None:
        """Bind what was found, without the files that the query cannot need.

        Args:
            sql: The query, with names that the session knows.
        """
        may_skip = self._context.engine.can_skip_files and not self._has_functions
        fewer = narrowed(sql, self._sources) if may_skip else {}
        for name, source in self._sources.items():
            self._session.bind(name, fewer.get(name, source))

    def _view_text(self, sql: str, *, depth: int) -> str:
        """Find what a view's query names; return it with names that the session knows."""
        if depth > VIEW_DEPTH_MAX:
            raise Invalid(
                "view-too-deep",
                f"views lie more than {VIEW_DEPTH_MAX} deep within each other",
                why="one of them probably reads itself",
                fix="build one of them as a table",
            )
        return substitute(sql, self.find_names(sql, depth=depth))

    def find_names(self, sql: str, *, depth: int) -> Mapping[RelationUse, str]:
        """Find what ``sql`` names; return the name that the session will know, for each place."""
        self._bind_functions(sql)
        names = ((use, self._find_use(use, depth)) for use in find_relations(sql))
        return {use: name.quoted() for use, name in names if name is not None}

    def _bind_functions(self, sql: str) -> None:
        """Make the functions whose names stand in a text before a parenthesis."""
        found = _CALLED.findall(sql)
        # A bare name of the engine's is the engine's; behind a schema it is the project's.
        called = {name for dot, name in found if dot or name.lower() not in KNOWN_CALLS}
        for name in sorted(called):
            for record in self._context.metastore.relations_called(name):
                if isinstance(record, ViewRecord) and is_function_document(record.sql):
                    self._has_functions = True
                    pins = Pins(self._context)
                    pins.bind(self._session, (record.name,))

    def _find_use(self, use: RelationUse, depth: int) -> TableName | None:
        if use.path is not None:
            path = (
                str(Path(self._context.project_root, use.path)) if _is_local(use.path) else use.path
            )
            return self._add_table(
                self._context.tables.at(path), use, TableName("delta", "path", path)
            )
        name = find_name_or_none(self._context, use.parts)
        if name is None:
            return None
        pinned = use.version is not None or use.timestamp is not None
        relation = read_relation_or_none(self._context, name)
        match relation.source if relation else None:
            case Snapshot() if use.changes is not None:
                table = table_of(self._context, name)
                return bind_changes(self._session, name, table, use.changes)
            case source if source is not None and use.changes is not None:
                raise _no_changes(name)
            case ViewSource(sql=sql):
                return self._add_view(name, sql, use, depth)
            case Snapshot() if pinned:
                return self._add_table(table_of(self._context, name), use, name)
            case None:
                raise _gone_or_not_found(self._context, name, use.parts)
            case source:
                return self._add_source(name, source)

    def _add_view(self, name: TableName, sql: str, use: RelationUse, depth: int) -> TableName:
        if use.version is not None or use.timestamp is not None:
            raise Invalid(
                "view-has-no-versions",
                f"`{name}` is a view, which has no versions of its own",
                fix="name a version of the tables that it reads instead",
            )
        if name not in self._sources:
            text = self._view_text(sql, depth=depth + 1)
            self._sources[name] = ViewSource(sql=text)
        return name

    def _add_table(self, table: Table, use: RelationUse, name: TableName) -> TableName:
        at = None if use.timestamp is None else _instant(use.timestamp)
        snapshot = table.snapshot(version=use.version, at=at)
        return self._add_source(name.at_version(snapshot.version), snapshot)

    def _add_source(self, name: TableName, source: Source) -> TableName:
        self._sources.setdefault(name, source)
        return name


def find_name_or_none(context: Context, parts: tuple[str, ...]) -> TableName | None:
    """Find what a written name means; None when it is the engine's own (``information_schema``).

    Asked in this order: names in the metastore, sources of the project, tables that lie in the
    lake without a record.

    Raises:
        NotFound: ``relation-not-found``.
        Invalid: ``relation-ambiguous``.
    """
    records = context.metastore.relations_called(parts[-1])
    known = [record.name for record in records]
    known += [name for name in context.sources if name not in known]
    chosen = resolve_among(parts, known, context.catalog, context.schema)
    if chosen is not None:
        return chosen
    # Files, written as `'a/b.csv'`, and the engine's own catalog are the engine's to find.
    if "information_schema" in parts or Path(parts[-1]).suffix:
        return None
    if re.search(r"[/\\]", parts[-1]):
        raise _not_a_table(parts[-1])
    if (pinned := find_version_or_none(context, parts)) is not None:
        return pinned
    padded = TableName(*(context.catalog, context.schema)[: max(0, 3 - len(parts))], *parts[-3:])
    if read_relation_or_none(context, padded) is None:
        raise _not_found(context, parts)
    return padded


def find_version_or_none(context: Context, parts: tuple[str, ...]) -> TableName | None:
    """Find ``name@v3`` written as one quoted name, as compiled SQL has it; None when it is none."""
    bare, version = TableName("", "", parts[-1]).without_version()
    if version is None:
        return None
    found = find_name_or_none(context, (*parts[:-1], bare.name))
    return None if found is None else found.at_version(version)


def table_of(context: Context, name: TableName) -> Table:
    """Return the Delta table behind a name that is one."""
    record = context.metastore.find_relation_or_none(name)
    if isinstance(record, TableRecord):
        return table_of_record(context, record)
    return context.tables.table(name)


def find_table(context: Context, name: str) -> TableName:
    """Find the table or view that a user named: ``t``, ``schema.t``, ``catalog.schema.t``.

    Raises:
        NotFound: ``relation-not-found``.
        Invalid: ``relation-ambiguous``.
    """
    parts = parts_or_none(name)
    found = None if parts is None else find_name_or_none(context, parts)
    if found is None:
        raise _not_found(context, (name,))
    return found


def _gone_or_not_found(context: Context, name: TableName, parts: tuple[str, ...]) -> NotFound:
    """Say that a table that is recorded has been taken away, or that there never was one."""
    record = context.metastore.find_relation_or_none(name)
    if not isinstance(record, TableRecord):
        return _not_found(context, parts)
    location = table_of_record(context, record).root
    return NotFound(
        "relation-not-found",
        f"the table `{name}` is gone",
        why=f"it is recorded, but no Delta table lies at `{location}` any more",
        fix="build or load it again, put its folder back, or `hw table forget` its name",
    )


def _not_found(context: Context, parts: tuple[str, ...]) -> NotFound:
    """Say that a name means nothing, and which one was probably meant."""
    known = {record.name.name: str(record.name) for record in context.metastore.list_relations()}
    near = get_close_matches(parts[-1], known, n=1)
    return NotFound(
        "relation-not-found",
        f"there is no table or view `{'.'.join(parts)}`",
        why=f"looked in `{context.catalog}.{context.schema}` first, then everywhere else",
        fix=f"did you mean `{known[near[0]]}`?" if near else "`hw table list` shows what there is",
    )


def _no_changes(name: TableName) -> Invalid:
    return Invalid(
        "changes-unreadable",
        f"`{name}` has no versions, so that `table_changes` cannot say what changed",
        why="it is a view, or files that somebody else writes",
        fix="name a table of the lake; `hw table list` shows which there are",
    )


def _not_a_table(path: str) -> NotFound:
    is_delta = _is_local(path) and (Path(path) / LOG_FOLDER).is_dir()
    return NotFound(
        "path-not-queryable",
        f"`{path}` is no table, view or file that can be queried by its path",
        why="a query reads tables and views by name, a Delta table by its folder as "
        "delta.`path`, and files that end in .csv, .parquet or .json",
        fix=f"for a Delta table: delta.`{path}`"
        if is_delta
        else "`hw table list` shows what there is; for another file name the reader: "
        f"read_csv('{path}'), read_parquet, read_json, read_text",
    )


def _is_local(path: str) -> bool:
    return "://" not in path


def _instant(text: str) -> datetime:
    """Read the time of ``TIMESTAMP AS OF``; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            "timestamp-unreadable",
            f"`{text}` is not a time",
            fix="write it as 2026-11-21 or 2026-11-21T06:02:00+01:00",
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
