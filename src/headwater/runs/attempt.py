"""One unit of a run from first statement to record: stage, test, commit, keep.

The order is the promise: data files are written, tests run on exactly those files, one commit
publishes them, then the records follow in one transaction. Whatever stops it before the commit
leaves the table as it was, and its files are deleted; after the commit the log knows the rest.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeGuard

from headwater.base.errors import Conflict, HeadwaterError, InternalError, UserCodeError
from headwater.base.meters import Meter
from headwater.base.relations import TableName
from headwater.base.telemetry import NodeStatus
from headwater.base.units import format_count
from headwater.catalog.records import RelationRecord, TableRecord, ViewRecord
from headwater.engines.engine import Destination, EmptySource, Session, Source, ViewSource, WriteAll
from headwater.graph.live import BuildCall
from headwater.lake.commit import AddFile, RemoveFile, SetSchema
from headwater.lake.mapping import mapped_or_none
from headwater.lake.snapshot import Snapshot
from headwater.lake.table import Table
from headwater.plan.plan import (
    Append,
    Build,
    BuildStep,
    BuildView,
    LoadSeed,
    Merge,
    OverwritePartitions,
    Refresh,
    RunTest,
)
from headwater.plan.schedule import Unit
from headwater.runs.gate import Verdict, count_failures, failing_rows_sql, judge, pass_unasked
from headwater.runs.held import consumed_app
from headwater.runs.live import HookCalls, build_by_macro, run_calls
from headwater.runs.macro_tests import Pending, count_by_macro
from headwater.runs.narrow import emptied, narrowed
from headwater.runs.pins import Relation
from headwater.runs.proofs import has_no_failures
from headwater.runs.publish import (
    UNFINISHED,
    build_record,
    discard,
    file_prefix,
    may_still_land,
    only_rearranged,
    publish,
)
from headwater.runs.record import deployed_build, deployed_test, record, record_start
from headwater.runs.refresh import stage_refresh
from headwater.runs.row_checks import check_rows
from headwater.runs.run import NodeResult
from headwater.runs.small import is_small
from headwater.runs.stage import as_query, stage, with_comments
from headwater.runs.staged import Place, Staged, staged_changes, with_changes
from headwater.runs.work import End, Work, open_session, tell_ends, tell_started
from headwater.runs.writes import Writer

ATTEMPTS_MAX = 2
"""A node whose table was only moved by another writer's maintenance is tried again once."""


def run_unit(work: Work, unit: Unit) -> tuple[NodeResult, ...]:
    """Run a unit to its end, whatever that is; faults become results."""
    step = unit.step
    if isinstance(step, RunTest):
        return _run_test_alone(work, step)
    started = tell_started(work, step.node)
    for number in range(1, ATTEMPTS_MAX + 1):
        attempt = _Attempt(work=work, unit=unit, step=step, number=number, started_at=started)
        ends = attempt.run()
        if number < ATTEMPTS_MAX and _may_retry(work, step, ends[0]):
            continue
        break
    return tell_ends(work, ends)


def _may_retry(work: Work, step: BuildStep, end: End) -> bool:
    """Say whether only maintenance came between; then the same plan still holds."""
    if not isinstance(end.error, Conflict) or isinstance(step, BuildView):
        return False
    table = work.context.tables.table(step.target.relation)
    try:
        if not only_rearranged(table, step.target.version):
            return False
        work.pins.put(step.target.relation, Relation(source=table.snapshot()))
    except HeadwaterError:
        return False
    return True


def _run_test_alone(work: Work, step: RunTest) -> tuple[NodeResult, ...]:
    """Run a test on committed tables."""
    started = work.context.now()
    try:
        record_start(work, step, 1, started)
        with open_session(work) as session:
            verdict, kept = _run_test(work, session, step, attempt=1, pending=None)
        ends = [_test_end(work, verdict, 1, kept, is_published=True)]
        record(work, ends)
    except HeadwaterError as error:
        ends = _record_failure(work, _failed(step, 1, started, error))
    except Exception as error:  # noqa: BLE001 - one test's crash must not take the run along
        ends = _record_failure(work, _failed(step, 1, started, _crash(step, error)))
    return tell_ends(work, ends)


def _record_failure(work: Work, end: End, others: Sequence[End] = ()) -> list[End]:
    """Record a failed end, and those of its gates; say so in its message when even that fails."""
    try:
        record(work, [end, *others])
    except HeadwaterError as second:
        end = replace(end, message=f"{end.message}; not recorded either: {second.what}")
    return [end, *others]


def _failed(step: BuildStep | RunTest, attempt: int, started_at: str, error: HeadwaterError) -> End:
    why = f": {error.why}" if error.why else ""
    return End(
        step=step,
        attempt=attempt,
        status="error",
        message=f"{error.what}{why}",
        started_at=started_at,
        error=error,
    )


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """One attempt at a building step and its gates.

    Attributes:
        meter: What it has used so far, also when it fails.
        verdicts: How its gates ended, with the table of stored failures if any.
        may_land: Its commit failed, but storage may yet carry it out; its files must stay.
        late_fault: What its hooks wrote could not be published, though the step was.
    """

    work: Work
    unit: Unit
    step: BuildStep
    number: int
    started_at: str
    meter: Meter = field(default_factory=Meter)
    verdicts: tuple[tuple[Verdict, RelationRecord | None], ...] = ()
    may_land: bool = False
    late_fault: HeadwaterError | None = None

    def run(self) -> list[End]:
        """Run to the end; the first End is the step's, the others its gates'."""
        step, work = self.step, self.work
        try:
            record_start(work, step, self.number, self.started_at)
            work.context.observer("attempt-started", step.node)
            _check_seed(step)
            with open_session(work, is_small=self._is_small()) as session:
                staged, inputs, version = self._run_in(session)
        except HeadwaterError as error:
            return self._give_up(error)
        except Exception as error:  # noqa: BLE001 - one node's crash must not take the run along
            return self._give_up(_crash(step, error))
        if self.late_fault is not None:
            return self._unrecorded(self.late_fault, version, "its hooks failed")
        return self._keep(staged, inputs, version)

    def _is_small(self) -> bool:
        work = self.work
        root = work.context.project_root
        return not work.prelude and is_small(work.pins, self.unit, project_root=root)

    def _run_in(self, session: Session) -> tuple[Staged, Mapping[str, str], int | None]:
        """Stage, test and publish the step, its hooks around it."""
        step, work = self.step, self.work
        writer = Writer(work=work, session=session, node=step.node, attempt=self.number)
        try:
            current, staged, inputs = self._stage(session, writer)
            work.context.observer("files-written", step.node)
            self.meter += check_rows(session, step.target)
            self._run_gates(session, staged, writer)
            self._check_gates()
            work.context.observer("tests-passed", step.node)
            work.cancel.check()
            version = self._publish(current, staged, inputs, is_whole=not writer.has_changes)
            self._pin(staged, version)
            work.context.observer("committed", step.node)
            try:
                writer.flush()
            except HeadwaterError as error:
                self.late_fault = error
        finally:
            writer.abandon()
            self.meter += writer.meter
        return staged, inputs, version

    def _current_or_none(self) -> Snapshot | None:
        """Return the table that the step changes, as it was pinned."""
        if isinstance(self.step, BuildView):
            return None
        table = self._table()
        pinned = self.work.pins.snapshot_or_none(self.step.target.relation)
        if pinned is not None and pinned.root == table.root:
            return pinned
        return table.snapshot_or_none()  # a table that a view of the same name hid so far

    def _table(self) -> Table:
        return self.work.context.tables.table(self.step.target.relation)

    def _stage(
        self, session: Session, writer: Writer
    ) -> tuple[Snapshot | None, Staged, Mapping[str, str]]:
        step, pins = self.step, self.work.pins
        names = [read.name for read in step.reads]
        fewer = self._bind_inputs(session, names)
        inputs = {str(name): pins.version_or_none(name) or "" for name in names}
        if step.target.macro:
            return (*self._stage_by_macro(session, writer), inputs)
        relation = step.target.relation
        self._run_hooks(writer, "pre_hook", after_each=writer.flush)
        current = self._current_or_none()
        if current is not None and _mentions_itself(step):
            session.bind(relation, current)
        partition_by = step.target.partition_by
        if current is not None and not isinstance(step, Build):
            partition_by = current.partition_columns
        place = Place(
            current=current,
            destination=Destination(
                root=self._table().root,
                prefix=file_prefix(self.work, self.number),
                partition_by=partition_by,
                mapped=mapped_or_none(current),
            ),
            now=self.work.context.clock.now(),
        )
        staged = with_comments(self._write(session, place), step, place)
        self.meter += staged.meter
        if step.target.post_hooks or step.target.post_writes.is_live:
            pins.bind(session, fewer)  # hooks may need rows that the query did not
        session.bind(relation, staged.source)
        # After-hooks run before the commit, on what it would publish: a failing one publishes
        # nothing instead of leaving a table that says it succeeded.
        if isinstance(staged.source, Snapshot):
            writer.expect(relation, staged.source)
        else:
            reads = tuple(names)
            pins.put(relation, Relation(source=staged.source, reads=reads))
        self._run_hooks(writer, "post_hook")
        if isinstance(staged.source, Snapshot):
            written = writer.settle(relation, place.destination)
            staged = staged if written is None else with_changes(staged, staged.source, written)
            session.bind(relation, staged.source)
        return current, staged, inputs

    def _bind_inputs(self, session: Session, names: Sequence[TableName]) -> Sequence[TableName]:
        """Bind what the step reads; return the tables of which files were left out."""
        sources = self.work.pins.sources(names)
        fewer: Mapping[TableName, Source] = {}
        may_skip = self.work.context.engine.can_skip_files and not self.work.prelude
        if may_skip and _reads_by_its_query(self.step):
            fewer = narrowed(self.step.sql, sources)
        elif isinstance(self.step, BuildView) and not self.step.target.pre_hooks:
            fewer = emptied(sources)  # a view is only described
        for name, source in sources.items():
            session.bind(name, fewer.get(name, source))
        return tuple(fewer)

    def _write(self, session: Session, place: Place) -> Staged:
        if isinstance(self.step, Refresh):
            return stage_refresh(self.work, session, self.step, place)
        return stage(session, as_query(session, self.step), place)

    def _stage_by_macro(self, session: Session, writer: Writer) -> tuple[Snapshot | None, Staged]:
        """Let a macro of the project build the node; what it makes of others follows the commit."""
        target, work = self.step.target, self.work
        call = BuildCall(
            node=self.step.node,
            macro=target.macro,
            code=target.full_code,
            later_code=target.incremental_code,
        )
        build_by_macro(writer, call)
        current, root = self._current_or_none(), self._table().root
        prefix = file_prefix(work, self.number)
        claimed = writer.claim(target.relation, Destination(root=root, prefix=prefix))
        if claimed is None:
            found = work.pins.find_or_none(target.relation)
            source = None if found is None else found.source
            kept = source if isinstance(source, (Snapshot, ViewSource)) else EmptySource(columns=())
            return current, Staged(source=kept, columns=(), operation="WRITE")
        if claimed.written is None:
            view = ViewSource(sql=claimed.query)
            session.bind(target.relation, view)
            columns = session.describe(claimed.query)
            return current, Staged(source=view, columns=columns)
        current = current if claimed.base is None else claimed.base
        staged = staged_changes(root, current, claimed.base, claimed.written)
        session.bind(target.relation, staged.source)
        return current, staged

    def _run_hooks(
        self,
        writer: Writer,
        moment: Literal["pre_hook", "post_hook"],
        after_each: Callable[[], object] = lambda: None,
    ) -> None:
        target = self.step.target
        is_before = moment == "pre_hook"
        calls = HookCalls(
            node=self.step.node,
            moment=moment,
            texts=target.pre_hooks if is_before else target.post_hooks,
            writes=target.pre_writes if is_before else target.post_writes,
            is_incremental=not isinstance(self.step, (Build, BuildView, LoadSeed)),
        )
        run_calls(writer, calls, after_each)

    def _run_gates(self, session: Session, staged: Staged, writer: Writer) -> None:
        relation, table = self.step.target.relation, staged.source
        for test in self.unit.gates:
            if isinstance(table, Snapshot) and has_no_failures(test, relation, table):
                verdict = pass_unasked(test, tell_started(self.work, test.node))
                self.verdicts = (*self.verdicts, (verdict, None))
                continue
            pending = Pending(name=relation, source=table, writer=writer)
            tested = _run_test(self.work, session, test, attempt=self.number, pending=pending)
            self.verdicts = (*self.verdicts, tested)

    def _check_gates(self) -> None:
        blocking = [verdict for verdict, _ in self.verdicts if verdict.blocks]
        if not blocking:
            return
        names = ", ".join(f"`{verdict.step.name}`" for verdict in blocking[:3])
        more = f" and {len(blocking) - 3} more" if len(blocking) > 3 else ""  # noqa: PLR2004 - names shown
        raise UserCodeError(
            "tests-failed",
            f"not published: {names}{more} failed",
            why="readers still see the version before",
            fix="look at the failing rows with the test's SQL under target/compiled, or keep them "
            "with --store-failures",
        )

    def _publish(
        self,
        current: Snapshot | None,
        staged: Staged,
        inputs: Mapping[str, str],
        *,
        is_whole: bool,
    ) -> int | None:
        if not isinstance(staged.source, Snapshot):
            return None
        if staged.is_idle and not staged.actions and current is not None:
            return current.version
        kept = build_record(self.step, self.number, inputs, self.meter)
        if staged.covered:
            kept["covered"] = [list(each) for each in staged.covered]
        if not is_whole:
            kept[UNFINISHED] = True
        try:
            version = publish(self.work, self._table(), current, staged, kept, self._consumed())
        except HeadwaterError as error:
            self.may_land = may_still_land(self._table(), error)
            raise
        for path in staged.scrap:
            with suppress(HeadwaterError):
                self._table().storage.delete(path)
        return version

    def _consumed(self) -> Mapping[str, int]:
        """Return the versions of its inputs that a kept table holds, by transaction."""
        target = self.step.target
        if target.materialized != "incremental" and not target.config.get("refresh"):
            return {}
        found: dict[str, int] = {}
        for read in self.step.reads:
            snapshot = self.work.pins.snapshot_or_none(read.name)
            is_newest = read.name.without_version()[1] is None
            if snapshot is not None and is_newest and read.name != target.relation:
                found[consumed_app(self.step.node, snapshot.table_id)] = snapshot.version
        return found

    def _pin(self, staged: Staged, version: int | None) -> None:
        """Pin what was published."""
        relation, pins = self.step.target.relation, self.work.pins
        if isinstance(staged.source, Snapshot):
            source = staged.source if version is None else replace(staged.source, version=version)
            if not source.table_id and (made := self._table().snapshot_or_none()) is not None:
                source = replace(source, table_id=made.table_id)  # given by the first commit
            pins.put(relation, Relation(source=source))
        elif isinstance(staged.source, ViewSource):
            reads = tuple(read.name for read in self.step.reads)
            pins.put(relation, Relation(source=staged.source, reads=reads))

    def _keep(self, staged: Staged, inputs: Mapping[str, str], version: int | None) -> list[End]:
        """Keep the records of what was published."""
        step, work = self.step, self.work
        try:
            ends = self._published(staged, inputs, version)
            record(work, ends)
        except HeadwaterError as error:
            return self._unrecorded(error, version)
        except Exception as error:  # noqa: BLE001 - what was published must not take the run along
            return self._unrecorded(_crash(step, error, "the next plan reads the log"), version)
        work.context.observer("recorded", step.node)
        return ends

    def _published(
        self, staged: Staged, inputs: Mapping[str, str], version: int | None
    ) -> list[End]:
        """Return how the step and its gates ended, once the step has published."""
        step, work = self.step, self.work
        rows = "" if staged.rows is None else f"{format_count(staged.rows)} rows, "
        done = "view kept" if version is None else f"{rows}version {version}"
        done = "no relation" if isinstance(staged.source, EmptySource) else done
        deployed = deployed_build(step, work.graph, inputs, version=version)
        end = End(
            step=step,
            attempt=self.number,
            status="error" if staged.failed else "success",
            message="; ".join(filter(None, (done, staged.note, *staged.failed))),
            batches=staged.batches,
            started_at=self.started_at,
            rows=staged.rows,
            version=version,
            meter=self.meter,
            deployed=replace(deployed, covered=staged.covered),
            relation=self._relation_record(staged),
        )
        tests = [
            _test_end(work, verdict, self.number, kept, is_published=True)
            for verdict, kept in self.verdicts
        ]
        return [end, *tests]

    def _unrecorded(
        self, error: HeadwaterError, version: int | None, what: str = "not recorded"
    ) -> list[End]:
        """Return how it ended when the table has moved on and the records have not."""
        done = "" if version is None else "published, but "
        end = replace(
            _failed(self.step, self.number, self.started_at, error),
            message=f"{done}{what}: {error.what}",
            version=version,
            meter=self.meter,
        )
        tests = [
            _test_end(self.work, verdict, self.number, kept, is_published=False)
            for verdict, kept in self.verdicts
        ]
        return [end, *tests]

    def _relation_record(self, staged: Staged) -> RelationRecord | None:
        if isinstance(staged.source, EmptySource):
            return None
        name, at = self.step.target.relation, self.work.context.now()
        if isinstance(staged.source, ViewSource):
            return ViewRecord(
                name=name,
                sql=staged.source.sql,
                columns=staged.columns,
                run_id=self.work.run_id,
                updated_at=at,
                reads=tuple(read.name for read in self.step.reads),
            )
        return TableRecord(
            name=name, location=self._table().root, run_id=self.work.run_id, updated_at=at
        )

    def _give_up(self, error: HeadwaterError) -> list[End]:
        """Take the files away and keep how it failed."""
        work = self.work
        if not isinstance(self.step, BuildView) and not self.may_land:
            discard(work, self._table(), self.number)
        end = replace(_failed(self.step, self.number, self.started_at, error), meter=self.meter)
        done = {verdict.step.node for verdict, _ in self.verdicts}
        tests = [
            _test_end(work, verdict, self.number, kept, is_published=False)
            for verdict, kept in self.verdicts
        ]
        ends = _record_failure(work, end, tests)
        skipped = [
            End(
                step=test,
                attempt=0,
                status="skipped",
                message=f"`{self.step.name}` failed",
                started_at="",
            )
            for test in self.unit.gates
            if test.node not in done
        ]
        return [*ends, *skipped]


def _crash(
    step: BuildStep | RunTest, error: Exception, then: str = "the table is as it was"
) -> InternalError:
    return InternalError(
        "node-crashed",
        f"Headwater failed while it ran `{step.name}`",
        why=f"{type(error).__name__}: {error}",
        fix=f"please report this with the message; {then}",
    )


def _mentions_itself(step: BuildStep) -> bool:
    if step.target.python is not None or not isinstance(step, (Build, BuildView, LoadSeed)):
        return True
    texts = [*step.target.pre_hooks, "" if isinstance(step, LoadSeed) else step.sql]
    # A project may leave quotes out (``quoting``); naming another table too binds one view more.
    own = str(step.target.relation).lower()
    return any(own in text.replace('"', "").lower() for text in texts)


def _reads_by_its_query(step: BuildStep) -> TypeGuard[Build | Append | Merge | OverwritePartitions]:
    """Say whether nothing reads the inputs until the rows are written, but the step's query."""
    if not isinstance(step, (Build, Append, Merge, OverwritePartitions)):
        return False
    target = step.target
    has_words = isinstance(step, Merge) and bool(step.predicates)
    return not (target.python or target.macro or target.pre_hooks or has_words)


def _check_seed(step: BuildStep) -> None:
    """Refuse a seed whose file is not the one that was planned.

    Raises:
        Conflict: ``plan-stale``.
    """
    if not isinstance(step, LoadSeed) or not step.checksum:
        return
    path = Path(step.path)
    if not path.is_file():
        found = "it is gone"
    elif hashlib.sha256(path.read_bytes()).hexdigest() == step.checksum:
        return
    else:
        found = "its content has changed"
    raise Conflict(
        "plan-stale",
        f"seed file `{step.path}` is not the one that was planned",
        why=found,
        fix="plan again",
    )


def _run_test(
    work: Work, session: Session, step: RunTest, *, attempt: int, pending: Pending | None
) -> tuple[Verdict, RelationRecord | None]:
    """Run a test; its faults are its verdict. ``pending`` is bound already and left alone."""
    started = tell_started(work, step.node)
    kept: RelationRecord | None = None
    meter, failures, error = Meter(), None, None
    status: NodeStatus
    try:
        names = work.pins.behind(read.name for read in step.reads)
        for name in names:
            if pending is None or name != pending.name:
                session.bind(name, work.pins.find(name).source)
        if step.macro:
            step, count = count_by_macro(work, session, step, attempt, pending)
        else:
            count = count_failures(session, step)
        meter, failures = count.meter, count.failures
        status, message = judge(step, count)
        if step.store_in is not None:
            # A view would show the rows that are published, not those that are refused.
            is_view = step.store_as == "view" and (pending is None or status != "fail")
            keep = _keep_view if is_view else _store_failures
            kept, used = keep(work, session, step, attempt)
            meter += used
            message += f"; kept in `{step.store_in}`" if count.failures else ""
    except HeadwaterError as caught:
        status, message, error = "error", caught.what, caught
    return Verdict(
        step=step,
        status=status,
        message=message,
        failures=failures,
        meter=meter,
        started_at=started,
        finished_at=work.context.now(),
        error=error,
    ), kept


def _keep_view(
    work: Work, session: Session, step: RunTest, _attempt: int
) -> tuple[RelationRecord, Meter]:
    """Keep the query of a test's failing rows as a view."""
    sql = failing_rows_sql(step)
    kept = ViewRecord(
        name=_kept_in(step),
        sql=sql,
        columns=session.describe(sql),
        run_id=work.run_id,
        updated_at=work.context.now(),
        reads=tuple(read.name for read in step.reads),
    )
    return kept, Meter()


def _kept_in(step: RunTest) -> TableName:
    assert step.store_in is not None  # noqa: S101 - the caller asked
    return step.store_in


def _store_failures(
    work: Work, session: Session, step: RunTest, attempt: int
) -> tuple[RelationRecord, Meter]:
    """Keep a test's failing rows in a table of their own, replacing those of its last run."""
    name = _kept_in(step)
    table = work.context.tables.table(name)
    current = table.snapshot_or_none()
    prefix = file_prefix(work, attempt)
    destination = Destination(root=table.root, prefix=prefix, mapped=mapped_or_none(current))
    try:
        written = session.write(failing_rows_sql(step), WriteAll(), destination)
        staged = Staged(
            source=ViewSource(sql=""),
            columns=written.columns,
            operation="CREATE OR REPLACE TABLE AS SELECT",
            actions=(
                SetSchema(columns=written.columns),
                *(RemoveFile(path=file.path) for file in (current.files if current else ())),
                *(AddFile(file=file) for file in written.added),
            ),
            rows=written.meter.rows_written,
        )
        publish(work, table, current, staged, build_record(step, attempt, {}, written.meter))
    except HeadwaterError as error:
        if not may_still_land(table, error):
            discard(work, table, attempt)
        raise
    at = work.context.now()
    kept = TableRecord(name=name, location=table.root, run_id=work.run_id, updated_at=at)
    return kept, written.meter


def _test_end(
    work: Work,
    verdict: Verdict,
    attempt: int,
    kept: RelationRecord | None,
    *,
    is_published: bool,
) -> End:
    step = verdict.step
    is_known = is_published and verdict.status != "error"
    reads = step.reads if is_known else ()
    inputs = {str(read.name): work.pins.version_or_none(read.name) or "" for read in reads}
    return End(
        step=step,
        attempt=attempt,
        status=verdict.status,
        message=verdict.message,
        started_at=verdict.started_at,
        rows=verdict.failures,
        meter=verdict.meter,
        deployed=deployed_test(step, work.graph, inputs, status=verdict.status)
        if is_known
        else None,
        relation=kept,
        error=verdict.error,
    )
