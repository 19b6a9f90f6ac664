"""Runs statements that write, of hooks and macros, and publishes what they have changed.

A statement runs as it was written, on tables that its session took out of the lake. Nothing of it
can be seen by others before ``flush``, which makes one commit of each table that has changed: so a
run that is killed leaves every table at its version before or after.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import assert_never

from headwater.base.codec import Json, decode
from headwater.base.errors import Conflict, HeadwaterError, Invalid, UserCodeError
from headwater.base.ids import NodeId
from headwater.base.meters import Meter
from headwater.base.relations import Column, TableName
from headwater.catalog.names import resolve_among
from headwater.catalog.records import TableRecord, ViewRecord
from headwater.engines.engine import (
    CopyRows,
    Destination,
    Result,
    ScriptPart,
    Session,
    ViewSource,
    Written,
)
from headwater.lake.commit import RemoveFile, SetSchema
from headwater.lake.mapping import mapped_or_none
from headwater.lake.snapshot import Snapshot
from headwater.lake.table import DROPPED, Table
from headwater.plan.state import DeployedNode
from headwater.runs.pins import Relation, read_relation_or_none
from headwater.runs.publish import HOOK, publish
from headwater.runs.record import node_record
from headwater.runs.staged import Staged, staged_changes
from headwater.runs.work import Work
from headwater.sql.effects import Effect, EffectKind, Parts, Reading, read_effects

APPEND_TRIES_MAX = 5
"""How often added rows are committed anew when another process has changed the table meanwhile."""

_QUIET = frozenset({"select", "explain", "multi", "transaction", "copy", "relation"})
"""Kinds of statements after which a session is as it was before."""

_UNREADABLE = frozenset(
    {"insert", "update", "delete", "merge_into", "create", "drop", "alter", "copy_database"}
)
_UPKEEP = frozenset({"vacuum"})
"""Kinds of statements that tune a database's own files, which a lake has not; the engine counts
`analyze` among them. The lake's files are kept in order by `hw table`."""
_NOTHING = Result(columns=(), rows=(), truncated=False, meter=Meter())


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A table or view that was published.

    Attributes:
        name: Its name.
        version: The Delta version; None for a view.
        rows: Rows written.
    """

    name: TableName
    version: int | None
    rows: int | None = None

    def __str__(self) -> str:
        return str(self.name) if self.version is None else f"{self.name} version {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What statements made of a node's own relation.

    Attributes:
        base: The table as it was; None when there was none.
        written: The rows that the lake lacks, of a table.
        query: The text of a view.
        reads: What the view reads.
    """

    base: Snapshot | None
    written: Written | None = None
    query: str = ""
    reads: tuple[TableName, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Touched:
    """A table or view that statements of the unit have written.

    Attributes:
        base: The table as it was when it was taken out; None when there was none.
        rows: Which of its rows the session holds.
        query: The text of a view that was made.
        reads: What that view reads.
    """

    base: Snapshot | None = None
    rows: CopyRows = "later"
    query: str = ""
    reads: tuple[TableName, ...] = ()


@dataclass(slots=True, kw_only=True)
class Writer:
    """Runs statements in one session for one node, and publishes what they changed.

    Attributes:
        work: The run.
        session: Where statements run.
        node: Whose statements they are: a node or an operation.
        attempt: Number of the node's attempt.
        meter: What its statements and commits have used.
        prelude: Statements that prepared the session and wrote nothing.
    """

    work: Work
    session: Session
    node: NodeId
    attempt: int = 1
    meter: Meter = field(default_factory=Meter)
    prelude: list[str] = field(default_factory=list)
    _touched: dict[TableName, _Touched] = field(default_factory=dict)
    _pending: dict[TableName, Snapshot] = field(default_factory=dict)
    _sealed: set[TableName] = field(default_factory=set)
    _is_alone: bool = False

    def run(self, script: str, *, rows_max: int = 0) -> Result:
        """Run a script and return at most ``rows_max`` rows of its last statement.

        Raises:
            UserCodeError: The engine refused or failed a statement.
            Invalid: ``write-unsupported``, ``write-unreadable``.
        """
        result = _NOTHING
        for part in self.session.split(script):
            result = self._run_part(part, rows_max)
            self.meter += result.meter
        return result

    @property
    def has_changes(self) -> bool:
        """True when statements have written what is not published yet."""
        return bool(self._touched)

    def expect(self, name: TableName, pending: Snapshot) -> None:
        """Let statements see and change what the node is about to publish, which is bound."""
        self._pending[name] = pending

    def seal(self, name: TableName) -> None:
        """Let statements only see what the node is about to publish: its tests look at it now."""
        self._sealed.add(name)

    def claim(self, name: TableName, destination: Destination) -> Claimed | None:
        """Take over what statements made of a node's own table or view, for the node to publish.

        Returns:
            What they made; None when they did not write it, or dropped it.

        Raises:
            Invalid: ``type-not-storable``.
        """
        touched = self._touched.get(name)
        kind = None if touched is None else self._here().get(_folded(name))
        if touched is None or kind is None:
            return None
        del self._touched[name]
        if kind == "view":
            claimed = Claimed(base=touched.base, query=touched.query, reads=touched.reads)
        else:
            place = replace(destination, mapped=mapped_or_none(touched.base))
            written = self.session.write_changes(name, place)
            self.meter += written.meter
            claimed = Claimed(base=touched.base, written=written)
        self.session.put_back(name)
        return claimed

    def settle(self, name: TableName, destination: Destination) -> Written | None:
        """Write what statements changed of a table that is to be published by its node.

        Returns:
            What to add to and remove from what was expected; None when nothing was changed.

        Raises:
            Invalid: ``write-unsupported``, when it was dropped or is a view now.
        """
        if self._touched.pop(name, None) is None:
            return None
        if self._here().get(_folded(name)) != "table":
            raise _unsupported(f"a hook of `{name}` drops or replaces it before it is published")
        written = self.session.write_changes(name, destination)
        self.session.put_back(name)
        self.meter += written.meter
        return written

    def kind_or_none(self, name: TableName) -> str | None:
        """Say whether a name is a table or a view, as this session sees it; None for neither."""
        if self._local_or_none(name) is not None:
            return self._here().get(_folded(name))
        if name in self._pending or name.name.lower() in self.session.temporary():
            return "table"
        found = self.work.pins.find_or_none(name)
        if found is None:
            return None
        return "view" if isinstance(found.source, ViewSource) else "table"

    def columns_or_none(self, name: TableName) -> tuple[Column, ...] | None:
        """Return the columns of a table or view, as this session sees it; None when it is not."""
        kind = self.kind_or_none(name)
        if kind is None:
            return None
        local = self._local_or_none(name)
        is_temporary = local is None and name.name.lower() in self.session.temporary()
        if local is None and not is_temporary and name not in self._pending:
            self.work.pins.bind(self.session, [name])
        place = name.name if is_temporary else (local or name).quoted()
        quoted = f'"{place}"' if is_temporary else place
        return self.session.describe(f"select * from {quoted}")  # noqa: S608 - quoted

    def flush(self) -> tuple[Committed, ...]:
        """Publish what has changed, one commit a table, and begin anew.

        Raises:
            Conflict: ``commit-conflict``: another process has changed a table meanwhile.
            HeadwaterError: Storage or the store failed; tables that came before are published.
        """
        if not self._touched:
            self._leave()
            return ()
        self._enter()
        done: list[Committed] = []
        try:
            here = self._here()
            # What is dropped goes last, so that a reader finds the old or the new.
            ordered = sorted(self._touched, key=lambda name: _folded(name) not in here)
            for name in ordered:
                committed = self._publish(name, here.get(_folded(name)))
                done += [] if committed is None else [committed]
            self._put_back()
        except BaseException:
            self.abandon()  # whoever uses the session next sees what is published
            raise
        self._touched.clear()
        self._leave()
        return tuple(done)

    def abandon(self) -> None:
        """Forget what has changed since the last flush."""
        try:
            with suppress(HeadwaterError):
                self._put_back()
        finally:
            self._touched.clear()
            self._leave()

    # -- running -----------------------------------------------------------------------------

    def _run_part(self, part: ScriptPart, rows_max: int) -> Result:
        if part.kind == "transaction":
            # A unit is published as one, whatever transactions its text has.
            if part.sql.strip().lower().startswith(("rollback", "abort")):
                self.abandon()
            return _NOTHING
        if part.kind in _UPKEEP:
            return _NOTHING
        effects = read_effects(part.sql) if part.kind not in {"set", "pragma", "call"} else ()
        if effects is None and part.kind in _UNREADABLE:
            raise _unreadable(part.sql)
        effect = effects[0] if effects else Reading()
        match effect:
            case Effect() if not self._is_temporary(effect.target):
                result = self._run_effect(part, effect, rows_max)
            case Effect() | Reading():
                self._bind(effect.reads)
                result = self._run(part, rows_max)
                if part.kind not in _QUIET:
                    self.prelude.append(part.sql)
            case other:
                assert_never(other)
        return result

    def _run(self, part: ScriptPart, rows_max: int) -> Result:
        return self.session.run_statement(part.sql, rows_max=rows_max)

    def _run_effect(self, part: ScriptPart, effect: Effect, rows_max: int) -> Result:
        if effect.fault:
            raise _unsupported(effect.fault)
        target = self._resolved(effect.target)
        if effect.kind != "insert":
            self._enter()
        reads_itself = target in {self._resolved(each) for each in effect.reads}
        touched = self._take(target, "all" if reads_itself else _ROWS_WANTED[effect.kind])
        reads = self._bind(effect.reads)
        if effect.new_name:
            other = self._resolved(effect.new_name)
            self._take(other, "later")
        result = self._run(part, rows_max)
        if effect.kind == "create-view":
            touched.query, touched.reads = effect.query, reads
        if effect.new_name:
            moved = self._touched[other]
            moved.query, moved.reads, touched.query = touched.query, touched.reads, ""
        return result

    def _take(self, name: TableName, rows: CopyRows) -> _Touched:
        """Let statements change a table or view: as the lake has it now, not as it was pinned."""
        known = self._touched.get(name)
        if known is None:
            if name in self._sealed:
                raise _unsupported(f"a test of `{name}` changes it before it is published")
            self.session.make_schema(name)
            known = self._touched[name] = _Touched()
            pending = self._pending.get(name)
            found = Relation(source=pending) if pending else None
            found = found or read_relation_or_none(self.work.context, name)
            source = None if found is None else found.source
            if isinstance(source, Snapshot):
                known.base = source
            elif isinstance(source, ViewSource):
                known.query, known.reads = source.sql, found.reads if found else ()
                self.work.pins.put(name, found)
                self.work.pins.bind(self.session, [name])
            elif source is not None:
                raise _unsupported(f"`{name}` is a source that lies in files")
        if known.base is not None and known.rows != "all":
            known.rows = "all" if rows == "all" else known.rows
            self.session.take_out(name, known.base, rows)
        return known

    def _bind(self, reads: Iterable[Parts]) -> tuple[TableName, ...]:
        """Make what a statement reads readable; what the lake does not know is the session's."""
        temporary = self.session.temporary()
        found: list[TableName] = []
        for parts in reads:
            if len(parts) == 1 and parts[0].lower() in temporary:
                continue
            name = self._resolved(parts)
            if name in self._touched:
                self._take(name, "all")
            elif name in self._pending:
                pass  # bound by whoever expects it
            elif self.work.pins.find_or_none(name) is not None:
                self._bind_lake(name)
            else:
                continue
            found.append(name)
        return tuple(found)

    def _bind_lake(self, name: TableName) -> None:
        for each in self.work.pins.behind([name]):
            if each in self._touched:
                self._take(each, "all")
            elif each not in self._pending:
                self.session.bind(each, self.work.pins.find(each).source)

    def _is_temporary(self, parts: Parts) -> bool:
        return len(parts) == 1 and parts[0].lower() in self.session.temporary()

    def _resolved(self, parts: Parts) -> TableName:
        """Return the table that a written name means: one that exists, else where it would be."""
        context = self.work.context
        padded = TableName(*(context.catalog, context.schema)[: max(0, 3 - len(parts))], *parts)
        local = self._local_or_none(padded)
        if local is not None or padded in self._pending:
            return local or padded
        if self.work.pins.find_or_none(padded) is not None:
            return padded
        known = [record.name for record in context.metastore.relations_called(parts[-1])]
        return resolve_among((padded.catalog, padded.schema, padded.name), known, "", "") or padded

    def _local_or_none(self, name: TableName) -> TableName | None:
        return next((each for each in self._touched if _folded(each) == _folded(name)), None)

    def _here(self) -> dict[TableName, str]:
        return {_folded(name): kind for name, kind in self.session.stored_here().items()}

    def _enter(self) -> None:
        """Let no other unit of the run publish or rewrite tables; rows may be added in private."""
        if not self._is_alone:
            self.work.write_lock.acquire()
            self._is_alone = True

    def _leave(self) -> None:
        if self._is_alone:
            self._is_alone = False
            self.work.write_lock.release()

    # -- publishing --------------------------------------------------------------------------

    def _publish(self, name: TableName, kind: str | None) -> Committed | None:
        touched = self._touched[name]
        if kind == "table":
            return self._publish_table(name, touched)
        if kind == "view":
            return self._publish_view(name, touched) if touched.query else None
        if self.work.pins.find_or_none(name) is not None or touched.base is not None:
            return self._drop(name, touched)
        return None

    def _publish_table(self, name: TableName, touched: _Touched) -> Committed | None:
        table, base = self.work.context.tables.table(name), touched.base
        destination = Destination(
            root=table.root,
            prefix=f"{self.work.run_id}-h{self.attempt}-",
            partition_by=() if base is None else base.partition_columns,
            mapped=mapped_or_none(base),
        )
        written = self.session.write_changes(name, destination)
        self.meter += written.meter
        is_same = base is not None and base.columns == written.columns
        if is_same and not written.added and not written.removed:
            return None
        try:
            version = self._commit(table, base, written)
        except HeadwaterError:
            for file in written.added:
                with suppress(HeadwaterError):
                    table.storage.delete(file.path)
            raise
        self.work.context.observer("hook-committed", self.node)
        self.work.pins.put(name, Relation(source=table.snapshot(version)))
        at = self.work.context.now()
        if base is None or self.work.context.metastore.find_relation_or_none(name) is None:
            self.work.context.metastore.put_relation(
                TableRecord(name=name, location=table.root, run_id=self.work.run_id, updated_at=at)
            )
        self._follow(name, base, version)
        return Committed(name=name, version=version, rows=written.rows_inserted)

    def _commit(self, table: Table, base: Snapshot | None, written: Written) -> int:
        """Commit what was written; added rows are committed again when the table has moved on."""
        is_append = base is not None and not written.removed and base.columns == written.columns
        for _ in range(APPEND_TRIES_MAX if is_append else 1):
            # A table that was dropped is there for the log; its next version makes it anew.
            current = table.snapshot_or_none() if is_append or base is None else base
            try:
                staged = staged_changes(table.root, current, base, written)
                return publish(self.work, table, current, staged, self._record())
            except Conflict as error:
                conflict = error
        raise conflict

    def _publish_view(self, name: TableName, touched: _Touched) -> Committed | None:
        known = self.work.context.metastore.find_relation_or_none(name)
        if isinstance(known, ViewRecord) and known.sql == touched.query:
            return None
        columns = self.session.describe(f"select * from {name.quoted()}")  # noqa: S608 - quoted
        record = ViewRecord(
            name=name,
            sql=touched.query,
            columns=columns,
            run_id=self.work.run_id,
            updated_at=self.work.context.now(),
            reads=touched.reads,
        )
        if touched.base is not None:
            self._drop(name, touched)
        self.work.context.metastore.put_relation(record)
        self.work.pins.put(
            name, Relation(source=ViewSource(sql=touched.query), reads=touched.reads)
        )
        return Committed(name=name, version=None)

    def _drop(self, name: TableName, touched: _Touched) -> Committed:
        """Take a table or view away; older versions of a table can still be read by number."""
        version = None
        if touched.base is not None:
            base, table = touched.base, self.work.context.tables.table(name)
            staged = Staged(
                source=ViewSource(sql=""),
                columns=base.columns,
                operation="DROP TABLE",
                actions=(
                    SetSchema(
                        columns=base.columns,
                        partition_by=base.partition_columns,
                        properties={DROPPED: "true"},
                    ),
                    *(RemoveFile(path=file.path) for file in base.files),
                ),
            )
            version = publish(self.work, table, base, staged, self._record())
        self.work.context.metastore.drop_relation(name)
        self.work.pins.put(name, None)
        return Committed(name=name, version=version)

    def _record(self) -> dict[str, Json]:
        return {"node": self.node, "attempt": self.attempt, "action": HOOK}

    def _follow(self, name: TableName, base: Snapshot | None, version: int) -> None:
        """Let the record of the node that builds the table know that the project changed it.

        Else the next plan would say that another writer did, and build it anew.
        """
        producer, plan = self.work.producers.get(name), self.work.plan
        if producer is None or base is None:
            return
        store = self.work.context.metastore
        for record in store.list_nodes(plan.project, plan.target):
            if record.node != producer:
                continue
            with suppress(ValueError):
                deployed = decode(DeployedNode, record.document)
                if deployed.version is not None and base.version <= deployed.version < version:
                    store.put_nodes([node_record(replace(deployed, version=version), plan)])

    def _put_back(self) -> None:
        """Give the names back to the lake, so that what follows reads what was published."""
        names = tuple(self._touched)
        for name in names:
            self.session.put_back(name)
        self._touched.clear()
        for name in names:
            if self.work.pins.find_or_none(name) is not None:
                self.work.pins.bind(self.session, [name])


_ROWS_WANTED: dict[EffectKind, CopyRows] = {
    "insert": "later",
    "change": "all",
    "empty": "gone",
    "create": "later",
    "replace": "later",
    "create-view": "later",
    "drop": "later",
    "alter": "all",
    "rename": "all",
}


def _folded(name: TableName) -> TableName:
    return TableName(name.catalog.lower(), name.schema.lower(), name.name.lower())


def _unsupported(why: str) -> Invalid:
    return Invalid(
        "write-unsupported",
        "a statement asks for what the lake cannot keep",
        why=why,
        fix="leave that part out, or do it in a model or a temporary table",
    )


def _unreadable(sql: str) -> UserCodeError:
    return UserCodeError(
        "write-unreadable",
        "what a statement would write cannot be told from its text",
        why=" ".join(sql.split())[:200],
        fix="write it as `insert`, `update`, `delete`, `merge`, `create`, `drop` or `alter`",
    )
