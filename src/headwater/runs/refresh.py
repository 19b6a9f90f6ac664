"""Brings a table with ``refresh`` up to date from the rows that changed in its inputs.

The table's own log says which version of each input it holds: one transaction for each, in the
commit that brought the rows. What changed since is bound in place of the input, or the input is
bound with those rows alone whose key a change touches, and the model's query runs as it is. The
result is what a full build would give, or else the table is built in full and the reason is told.
"""

# ruff: noqa: S608 - names are quoted; expressions are the user's own, through the tree

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from headwater.base.errors import Invalid, NotFound
from headwater.base.meters import Meter
from headwater.base.relations import Column, TableName, quote_identifier
from headwater.engines.engine import (
    EmptySource,
    Session,
    ViewSource,
    WriteAll,
    WriteMerge,
)
from headwater.lake.changes import NetChanges, net_changes
from headwater.lake.snapshot import Snapshot
from headwater.lake.types import same_stored_type
from headwater.plan.plan import Refresh
from headwater.plan.refresh import refresh_mode_or_none
from headwater.runs.change_reads import bind_parts, hidden_name
from headwater.runs.held import consumed_app
from headwater.runs.stage import merge_mode
from headwater.runs.staged import Place, Staged, after_write, difference, pending, replaced
from headwater.runs.work import Work
from headwater.sql.shape import Appending, KeyColumn

TOUCHED_SHARE_MAX = 0.5
"""Share of a table's rows that may have touched keys before it is rather built in full (``auto``):
looking for the keys in the inputs and in the table costs more then than it saves of writing."""

SMALL_BYTES = 16 * 1024 * 1024
"""Tables below this are computed by keys in any case."""

_KEYS = hidden_name("keys", 0)
_KEY = "__headwater_key_"
_RESULT = hidden_name("result", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """An input that holds other rows than the table has read.

    Attributes:
        name: Its name.
        number: Tells its parts from those of others.
        snapshot: It, now.
        added: Query of the rows that came.
        removed: Query of the rows that went; empty when none did.
    """

    name: TableName
    number: int
    snapshot: Snapshot
    added: str
    removed: str

    @property
    def touched(self) -> str:
        """Query of all rows that came or went."""
        return " UNION ALL ".join(filter(None, (self.added, self.removed)))


@dataclass(slots=True, kw_only=True)
class _Refreshing:
    """One refresh of a table.

    Attributes:
        meter: What it has used besides the last write.
        is_current: Every input is at the version that the table holds.
    """

    work: Work
    session: Session
    step: Refresh
    place: Place
    current: Snapshot
    meter: Meter
    is_current: bool = True

    def stage(self) -> Staged | str:
        """Write what is new; or say why that cannot be done."""
        moved = self._moved_inputs()
        if isinstance(moved, str):
            return moved
        if not moved:
            return Staged(
                source=self.current,
                columns=self.current.columns,
                operation="WRITE",
                rows=0,
                meter=self.meter,
                is_idle=self.is_current,
            )
        if not _are_same(self.session.describe(self.step.sql), self.current.columns):
            return "its query gives other columns than its table has"
        shape = self.step.shape
        changed = frozenset(each.name for each in moved)
        appending = shape.appending_or_none(changed)
        if appending is not None and not any(each.removed for each in moved):
            return self._append(moved, appending)
        keys = shape.key_columns(changed, self.step.key_wanted)
        if not keys:
            return shape.unproved(changed, self.step.key_wanted)
        return self._replace_keys(moved, keys)

    def _moved_inputs(self) -> list[_Moved] | str:
        """Return the inputs that changed since they were read; or why that is not known."""
        tables = self.work.context.tables
        own = tables.table(self.step.target.relation)
        moved: list[_Moved] = []
        for number, name in enumerate(sorted(set(self.step.shape.tables))):
            snapshot = self.work.pins.snapshot_or_none(name)
            if snapshot is None:
                return f"`{name.name}` is no table"
            since = own.transaction_or_none(consumed_app(self.step.node, snapshot.table_id))
            if since is None:
                return f"which version of `{name.name}` it holds is not recorded"
            if since == snapshot.version:
                continue
            self.is_current = False
            try:
                table = tables.at(snapshot.root)
                net = net_changes(table, since, table.snapshot(version=snapshot.version))
            except NotFound as error:
                return f"what changed in `{name.name}` is not kept: {error.why}"
            found = self._bind_changes(name, number, snapshot, net)
            if found.added or found.removed:
                moved.append(found)
        return moved

    def _bind_changes(
        self, name: TableName, number: int, snapshot: Snapshot, net: NetChanges
    ) -> _Moved:
        """Make the rows that came and went readable."""
        added = _all_of(bind_parts(self.session, f"added {number}", net.added))
        removed = _all_of(bind_parts(self.session, f"removed {number}", net.removed))
        if added and net.has_rewrites:
            # Rows that were only written again, as by a merge that copies, are in both.
            came = self._keep(f"came {number}", f"({added}) EXCEPT ALL ({removed})")
            went = self._keep(f"went {number}", f"({removed}) EXCEPT ALL ({added})")
            added, removed = came, went
        return _Moved(name=name, number=number, snapshot=snapshot, added=added, removed=removed)

    def _keep(self, kind: str, sql: str) -> str:
        """Keep rows in the session; return the query of them, empty when there are none."""
        name = hidden_name(kind, 0)
        self.session.make_schema(name)
        self.meter += self.session.execute(f"CREATE OR REPLACE TABLE {name.quoted()} AS {sql}")
        query = f"SELECT * FROM {name.quoted()}"
        return query if self._count(query) else ""

    def _count(self, sql: str) -> int:
        result = self.session.query(f"SELECT count(*) FROM ({sql})", rows_max=1)
        self.meter += result.meter
        return int(str(result.rows[0][0]))

    def _append(self, moved: Sequence[_Moved], appending: Appending) -> Staged:
        """Add what the query gives over the new rows."""
        for each in moved:
            self.session.bind(each.name, ViewSource(sql=each.added))
        for name in appending.emptied:
            snapshot = self.work.pins.snapshot_or_none(name)
            columns = () if snapshot is None else snapshot.columns
            self.session.bind(name, EmptySource(columns=columns))
        sql = _select(self._bind_result(), self.current.columns)
        written = self.session.write(sql, WriteAll(), self.place.destination)
        files = (*self.current.files, *written.added)
        return Staged(
            source=pending(self.place, self.current.columns, files),
            columns=self.current.columns,
            operation="WRITE",
            actions=difference(self.current, files),
            rows=written.rows_inserted,
            meter=self.meter + written.meter,
        )

    def _replace_keys(self, moved: Sequence[_Moved], keys: Sequence[KeyColumn]) -> Staged | str:
        """Compute again what has a key that a change touches, and put it in place of the old.

        Or say that so many are touched that building all of it costs less.
        """
        types = {column.name.lower(): column.type for column in self.current.columns}
        casts = [types[key.name.lower()] for key in keys]
        self.session.make_schema(_KEYS)
        touched = " UNION ".join(
            f"SELECT {listed} FROM ({each.touched})"
            for each in moved
            for listed in self._key_lists(each.name, keys, casts)
        )
        self.meter += self.session.execute(
            f"CREATE OR REPLACE TABLE {_KEYS.quoted()} AS SELECT DISTINCT * FROM ({touched})"
        )
        if too_many := self._too_many():
            return too_many
        unknown = " OR ".join(f"{_KEY}{place} IS NULL" for place in range(len(keys)))
        has_nulls = self._count(f"SELECT 1 FROM {_KEYS.quoted()} WHERE {unknown}")
        sign = "IS NOT DISTINCT FROM" if has_nulls else "="
        for each in moved:
            whole = hidden_name("whole", each.number)
            self.session.bind(whole, each.snapshot)
            wanted = " OR ".join(
                _is_touched(values, sign) for values in self._key_values(each.name, keys, casts)
            )
            sql = f"SELECT * FROM {whole.quoted()} AS t WHERE {wanted}"
            self.session.bind(each.name, ViewSource(sql=sql))
        own = [
            f"CAST(t.{quote_identifier(key.name)} AS {kind})"
            for key, kind in zip(keys, casts, strict=True)
        ]
        result = _select(self._bind_result(), self.current.columns)
        return self._write_keys(f"{result} AS t WHERE {_is_touched(own, sign)}", keys)

    def _too_many(self) -> str:
        """Say that most keys are touched, where that decides; each has a row at least."""
        is_free = refresh_mode_or_none(self.step.target.config) == "auto"
        rows = self.current.rows
        if not is_free or rows is None or self.current.size_bytes < SMALL_BYTES:
            return ""
        touched = self._count(f"SELECT 1 FROM {_KEYS.quoted()}")
        if touched <= TOUCHED_SHARE_MAX * rows:
            return ""
        return f"{touched:,} keys are touched, and the table has {rows:,} rows"

    def _write_keys(self, sql: str, keys: Sequence[KeyColumn]) -> Staged:
        mode = WriteMerge(
            target=self.current,
            unique_key=tuple(key.name for key in keys),
            delete_matching=True,
            files=merge_mode(self.step.target.config, self.current),
            keys=f"SELECT * FROM {_KEYS.quoted()}",
        )
        written = self.session.write(sql, mode, self.place.destination)
        files = after_write(self.current, written)
        return Staged(
            source=pending(self.place, self.current.columns, files),
            columns=self.current.columns,
            operation="MERGE",
            actions=difference(self.current, files),
            rows=written.rows_inserted,
            meter=self.meter + written.meter,
        )

    def _bind_result(self) -> TableName:
        """Bind the model's query, so that it can be read whatever it ends with."""
        self.session.bind(_RESULT, ViewSource(sql=self.step.sql))
        return _RESULT

    def _key_lists(
        self, table: TableName, keys: Sequence[KeyColumn], casts: Sequence[str]
    ) -> Iterable[str]:
        for values in self._key_values(table, keys, casts):
            yield ", ".join(f"{value} AS {_KEY}{place}" for place, value in enumerate(values))

    def _key_values(
        self, table: TableName, keys: Sequence[KeyColumn], casts: Sequence[str]
    ) -> Iterable[list[str]]:
        """Give the key's values at each occurrence of a table, over the table's columns."""
        for place in self.step.shape.occurrences(frozenset({table})):
            origins = [key.at_or_none(place) for key in keys]
            yield [
                f"CAST({origin.sql} AS {kind})"
                for origin, kind in zip(origins, casts, strict=True)
                if origin is not None
            ]


def stage_refresh(work: Work, session: Session, step: Refresh, place: Place) -> Staged:
    """Write what changed of a table; the session has the step's inputs bound.

    Raises:
        Invalid: ``refresh-not-provable``, for a strict step that could only be built in full.
        HeadwaterError: As ``Session.write`` does.
    """
    if place.current is None:
        return replaced(place, session.write(step.sql, WriteAll(), place.destination))
    refreshing = _Refreshing(
        work=work, session=session, step=step, place=place, current=place.current, meter=Meter()
    )
    staged = refreshing.stage()
    # Tests that follow in this session read the inputs as they are.
    work.pins.bind(session, [read.name for read in step.reads])
    if isinstance(staged, Staged):
        return staged
    if step.is_strict:
        raise Invalid(
            "refresh-not-provable",
            f"`{step.name}` (refresh: strict) can only be built in full",
            why=staged,
            fix=f"`hw build --full-refresh --select {step.name}`, or write `refresh: auto`",
        )
    whole = replaced(place, session.write(step.sql, WriteAll(), place.destination))
    return replace(whole, meter=refreshing.meter + whole.meter, note=f"built in full: {staged}")


def _all_of(names: Iterable[TableName]) -> str:
    return " UNION ALL ".join(f"SELECT * FROM {name.quoted()}" for name in names)


def _is_touched(values: Sequence[str], sign: str) -> str:
    same = " AND ".join(f"k.{_KEY}{place} {sign} {value}" for place, value in enumerate(values))
    return f"EXISTS (SELECT 1 FROM {_KEYS.quoted()} AS k WHERE {same})"


def _select(name: TableName, columns: Sequence[Column]) -> str:
    parts = ", ".join(
        f"CAST({quote_identifier(column.name)} AS {column.type}) AS {quote_identifier(column.name)}"
        for column in columns
    )
    return f"SELECT {parts} FROM {name.quoted()}"


def _are_same(query: Sequence[Column], stored: Sequence[Column]) -> bool:
    given = {column.name.lower(): column.type for column in query}
    known = {column.name.lower(): column.type for column in stored}
    return given.keys() == known.keys() and all(
        same_stored_type(kind, known[name]) for name, kind in given.items()
    )
