"""Answers to ad-hoc SQL: finds the relations that a text names, binds them, runs it.

``hw sql``, ``hw show`` and macros that ask questions while compiling come through here. The text
stays as it was written, but for the places where relations are named.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from headwater.base.errors import Invalid, NotFound
from headwater.base.relations import Column, TableName
from headwater.catalog.metastore import Metastore
from headwater.catalog.records import TableRecord, ViewRecord
from headwater.engines.engine import EmptySource, Engine, Result, Session, Source, ViewSource
from headwater.lake.snapshot import Snapshot
from headwater.lake.storage import open_storage
from headwater.lake.table import Table, table_root
from headwater.sql.relations import RelationUse, find_relations, substitute

VIEW_DEPTH_MAX = 100
"""How deep views may lie within views; deeper is taken for a cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where names are looked up.

    Attributes:
        engine: Runs the SQL.
        metastore: Knows views and tables by name.
        lake: Lake root: absolute folder or object-store URL.
        catalog: Catalog of bare and two-part names.
        schema: Schema of bare names.
        sources: Sources of the project that are not tables of the lake, by name.
    """

    engine: Engine
    metastore: Metastore
    lake: str
    catalog: str
    schema: str
    sources: Mapping[TableName, Source] = field(default_factory=dict)


def run_sql(world: World, sql: str, *, rows_max: int) -> Result:
    """Run a query whose relations are resolved by name, version or path.

    Raises:
        NotFound: ``relation-not-found`` or ``version-not-found``.
        UserCodeError: The engine refused or failed the query.
    """
    session = world.engine.open_session(catalog=world.catalog, schema=world.schema)
    try:
        return session.query(bind_relations(world, session, sql), rows_max=rows_max)
    finally:
        session.close()


def describe_sql(world: World, sql: str) -> tuple[Column, ...]:
    """Return the columns that ``run_sql`` would return, without running the query."""
    session = world.engine.open_session(catalog=world.catalog, schema=world.schema)
    try:
        return session.describe(bind_relations(world, session, sql))
    finally:
        session.close()


def bind_relations(world: World, session: Session, sql: str) -> str:
    """Bind every relation that ``sql`` names and return the text with their full names."""
    binder = _Binder(world, session)
    return binder.bind_text(sql, depth=0)


class _Binder:
    """Binds relations into one session, each once."""

    def __init__(self, world: World, session: Session) -> None:
        self._world = world
        self._session = session
        self._bound: set[TableName] = set()

    def bind_text(self, sql: str, *, depth: int) -> str:
        """Bind what ``sql`` names; return it with names that the session knows."""
        if depth > VIEW_DEPTH_MAX:
            raise Invalid(
                "view-too-deep",
                f"views lie more than {VIEW_DEPTH_MAX} deep within each other",
                why="one of them probably reads itself",
            )
        replacements: dict[RelationUse, str] = {}
        for use in find_relations(sql):
            name = self._bind_use(use, depth)
            if name is not None:
                replacements[use] = name.quoted()
        return substitute(sql, replacements)

    def _bind_use(self, use: RelationUse, depth: int) -> TableName | None:
        if use.path is not None:
            return self._bind_table(Table(use.path, open_storage(use.path)), use, _path_name(use))
        record = self._world.metastore.find_or_none(
            use.parts, catalog=self._world.catalog, schema=self._world.schema
        )
        match record:
            case ViewRecord():
                return self._bind_view(record, use, depth)
            case TableRecord():
                table = Table(record.location, open_storage(record.location))
                return self._bind_table(table, use, record.name)
            case None:
                return self._bind_unregistered(use)

    def _bind_view(self, record: ViewRecord, use: RelationUse, depth: int) -> TableName:
        if use.version is not None or use.timestamp is not None:
            raise Invalid(
                "view-has-no-versions",
                f"`{record.name}` is a view, which has no versions of its own",
                fix="name a version of the tables that it reads instead",
            )
        if record.name not in self._bound:
            self._bound.add(record.name)
            self._session.bind(
                record.name, ViewSource(sql=self.bind_text(record.sql, depth=depth + 1))
            )
        return record.name

    def _bind_table(self, table: Table, use: RelationUse, name: TableName) -> TableName:
        at = None if use.timestamp is None else _instant(use.timestamp)
        snapshot = table.snapshot(version=use.version, at=at)
        pinned = use.version is not None or at is not None
        bound = TableName(name.catalog, name.schema, f"{name.name}@v{snapshot.version}")
        return self._bind_source(bound if pinned else name, snapshot)

    def _bind_source(self, name: TableName, source: Source) -> TableName:
        if name not in self._bound:
            self._bound.add(name)
            self._session.bind(name, source)
        return name

    def _bind_unregistered(self, use: RelationUse) -> TableName | None:
        """Bind a source of the project, or a table that lies in the lake but in no record."""
        world = self._world
        name = _full_name(use.parts, world)
        for source_name, source in world.sources.items():
            if source_name == name or (len(use.parts) == 1 and source_name.name == use.parts[0]):
                return self._bind_source(source_name, source)
        if _is_engines_own(use.parts):
            return None
        root = table_root(world.lake, name)
        table = Table(root, open_storage(root))
        if table.version_or_none() is not None:
            return self._bind_table(table, use, name)
        raise NotFound(
            "relation-not-found",
            f"there is no table or view `{'.'.join(use.parts)}`",
            why=f"looked in `{world.catalog}.{world.schema}` first, then elsewhere in {world.lake}",
            fix=_nearest(use.parts[-1], world) or "hw table list",
        )


def _is_engines_own(parts: tuple[str, ...]) -> bool:
    return "information_schema" in parts or Path(parts[-1]).suffix != ""


def _full_name(parts: tuple[str, ...], world: World) -> TableName:
    padded = (world.catalog, world.schema)[: max(0, 3 - len(parts))] + parts[-3:]
    return TableName(*padded)


def _path_name(use: RelationUse) -> TableName:
    return TableName("delta", "path", str(use.path))


def _nearest(name: str, world: World) -> str:
    known = {record.name.name: str(record.name) for record in world.metastore.list_relations()}
    near = get_close_matches(name, known, n=1)
    return f"did you mean `{known[near[0]]}`?" if near else ""


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


def read_columns_or_none(
    world: World, name: TableName, extra: Callable[[TableName], Source | None] = lambda _: None
) -> tuple[Column, ...] | None:
    """Return the columns of a table, view or source that exists, or None."""
    record = world.metastore.find_or_none(
        (name.catalog, name.schema, name.name), catalog=world.catalog, schema=world.schema
    )
    match record:
        case ViewRecord():
            return record.columns
        case TableRecord():
            found = Table(record.location, open_storage(record.location)).snapshot_or_none()
            return found.columns if found else None
        case None:
            pass
    source = world.sources.get(name) or extra(name)
    if isinstance(source, Snapshot | EmptySource):
        return source.columns
    if source is not None:
        return describe_sql(world, f"select * from {name.quoted()}")  # noqa: S608 - quoted
    root = table_root(world.lake, name)
    snapshot = Table(root, open_storage(root)).snapshot_or_none()
    return snapshot.columns if snapshot else None
