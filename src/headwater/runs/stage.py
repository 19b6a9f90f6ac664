"""Stages a step: its data files are written and bound, so that tests see what would be published.

Nothing here changes a table. What comes back says which commit would.
"""

# ruff: noqa: S608 - names are quoted; the user's query is a subquery as it is

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from headwater.base.codec import Json
from headwater.base.meters import Meter
from headwater.base.relations import Column
from headwater.engines.engine import (
    FunctionSource,
    MergeMode,
    PythonModel,
    Session,
    ViewSource,
    WriteAll,
    WriteMerge,
    WriteMode,
    WritePartitions,
)
from headwater.lake.commit import VECTORS_PROPERTY, SetSchema
from headwater.lake.compaction import tagged
from headwater.lake.mapping import with_columns
from headwater.lake.snapshot import Snapshot
from headwater.lake.types import comments_of
from headwater.plan.plan import (
    Append,
    Build,
    BuildStep,
    BuildView,
    Comments,
    LoadSeed,
    Merge,
    OverwritePartitions,
    ReplaceBatches,
    TakeSnapshot,
)
from headwater.plan.strategy import cluster_by_of
from headwater.runs.batches import stage_batches
from headwater.runs.columns import naming_wider, plan_columns, select_columns
from headwater.runs.snapshot_merge import stage_snapshot
from headwater.runs.staged import (
    Place,
    Staged,
    after_write,
    difference,
    pending,
    replaced,
    schema_action,
)

IncrementalStep = Append | Merge | OverwritePartitions
PlainStep = Build | LoadSeed | BuildView | IncrementalStep | ReplaceBatches | TakeSnapshot
"""A step that needs nothing but its session."""


def as_query(session: Session, step: PlainStep) -> PlainStep:
    """Run a Python model, and return the step as one that stores the rows it gave.

    Raises:
        UserCodeError: ``python-model-failed``.
    """
    part = step.target.python
    if part is None or isinstance(step, LoadSeed):
        return step
    rows = session.run_python(
        PythonModel(
            name=step.name,
            file=part.file,
            code=step.sql,
            this=step.target.relation,
            inputs=part.inputs,
            config=step.target.config,
            is_incremental=not isinstance(step, Build),
        )
    )
    return replace(step, sql=rows)


def with_comments(staged: Staged, step: BuildStep, place: Place) -> Staged:
    """Let the commit write what ``persist_docs`` asks for, if the table says something else."""
    comments = step.target.comments
    if comments == Comments() or isinstance(step, BuildView):
        return staged
    current = place.current
    old = {} if current is None else comments_of(current.schema_string)
    asked = {name.lower(): text for name, text in (comments.columns or {}).items() if text}
    known = {column.name.lower() for column in staged.columns}
    is_same = (
        current is not None
        and (comments.table is None or comments.table == current.description)
        and (
            comments.columns is None
            or {name: text for name, text in asked.items() if name in known}
            == {name.lower(): text for name, text in old.items()}
        )
    )
    schema = next((each for each in staged.actions if isinstance(each, SetSchema)), None)
    if schema is None and is_same:
        return staged
    base = schema or SetSchema(
        columns=staged.columns,
        partition_by=() if current is None else current.partition_columns,
    )
    told = replace(base, description=comments.table, comments=comments.columns)
    others = tuple(each for each in staged.actions if each is not schema)
    return replace(staged, actions=(told, *others))


def stage(session: Session, step: PlainStep, place: Place) -> Staged:
    """Write a step's data files in a session that has its inputs bound.

    Raises:
        HeadwaterError: As ``Session.write`` does, and ``plan_columns`` and ``stage_snapshot`` do.
    """
    match step:
        case BuildView(resource_type="function"):
            # Making it is how the engine says what is wrong with it.
            source = FunctionSource(sql=step.sql)
            session.bind(step.target.relation, source)
            return Staged(source=source, columns=())
        case BuildView():
            return Staged(source=ViewSource(sql=step.sql), columns=session.describe(step.sql))
        case Build():
            return _stage_build(session, step, place)
        case LoadSeed():
            written = session.write_seed(
                step.path, step.column_types, step.delimiter, place.destination
            )
            return replaced(place, written)
        case TakeSnapshot():
            how = "auto" if place.current is None else merge_mode(step.target.config, place.current)
            return stage_snapshot(session, step, place, how)
        case Append() | Merge() | OverwritePartitions():
            return _stage_increment(session, step, place)
        case ReplaceBatches():
            return stage_batches(session, step, place)
        case other:
            assert_never(other)


def _stage_build(session: Session, step: Build | IncrementalStep, place: Place) -> Staged:
    """Write all rows, near each other where the model says by which columns."""
    columns = session.describe(step.sql) if step.target.config.get("cluster_by") else ()
    cluster_by = _clustering(step, columns, place)
    written = session.write(step.sql, WriteAll(cluster_by=cluster_by), place.destination)
    return replaced(place, written, cluster_by)


def _clustering(
    step: Build | IncrementalStep, columns: Sequence[Column], place: Place
) -> tuple[str, ...]:
    """Return the columns by whose values a step's rows are put near each other."""
    names = [column.name for column in columns]
    return cluster_by_of(step.target.config, names, place.destination.partition_by)


def _stage_increment(session: Session, step: IncrementalStep, place: Place) -> Staged:
    if place.current is None:  # the planner asks for a full build then; a race may remove it
        return _stage_build(session, step, place)
    query = session.describe(step.sql)
    plan = plan_columns(step.on_schema_change, place.current.columns, query, step.name)
    sql = step.sql if plan.incoming is None else select_columns(step.sql, plan.incoming)
    target, meter = with_columns(place.current, plan.columns), Meter()
    rewrites = plan.rewrites and not (plan.only_drops and place.current.physical_names)
    if rewrites:
        # Stored rows in the new columns first, then the increment on top of those files.
        own = f"SELECT * FROM {step.target.relation.quoted()}"
        kept = [c for c in plan.columns if c.name.lower() in _names(place.current.columns)]
        destination = replace(place.destination, prefix=place.destination.prefix + "rows-")
        rewritten = session.write(select_columns(own, kept), WriteAll(), destination)
        target, meter = replace(target, files=rewritten.added), rewritten.meter
    how = "copy_on_write" if rewrites else merge_mode(step.target.config, place.current)
    mode = _mode(step, target, how)
    is_added = isinstance(mode, WriteAll)
    cluster_by = _clustering(step, plan.incoming or query, place) if is_added else ()
    mode = WriteAll(cluster_by=cluster_by) if is_added else mode
    with naming_wider(plan):
        written = session.write(sql, mode, place.destination)
    written = replace(written, added=tuple(tagged(file, cluster_by) for file in written.added))
    files = after_write(target, written)
    return Staged(
        source=pending(place, plan.columns, files),
        columns=plan.columns,
        operation=_operation(step),
        actions=(*schema_action(place, plan.columns), *difference(place.current, files)),
        rows=written.rows_inserted + written.rows_updated,
        meter=meter + written.meter,
        scrap=tuple(sorted(written.removed)) if rewrites else (),
    )


def _names(columns: tuple[Column, ...]) -> set[str]:
    return {column.name.lower() for column in columns}


def merge_mode(config: Mapping[str, Json], table: Snapshot) -> MergeMode:
    """Return how the files of a table are merged into: as its model says, or as the table does."""
    match config.get("merge_mode"):
        case "copy_on_write" | "merge_on_read" as asked:
            return asked
        case _ if table.properties.get(VECTORS_PROPERTY) == "false":
            return "copy_on_write"
        case _:
            return "auto"


def _mode(step: IncrementalStep, target: Snapshot, files: MergeMode) -> WriteMode:
    match step:
        case Append():
            return WriteAll()
        case OverwritePartitions():
            return WritePartitions(target=target)
        case Merge():
            return WriteMerge(
                target=target,
                unique_key=step.unique_key,
                update_columns=step.update_columns,
                exclude_columns=step.exclude_columns,
                delete_matching=step.delete_matching,
                files=files,
                predicates=step.predicates,
            )
        case other:
            assert_never(other)


def _operation(step: IncrementalStep) -> str:
    match step:
        case Merge():
            return "MERGE"
        case Append() | OverwritePartitions():
            return "WRITE"
        case other:
            assert_never(other)
