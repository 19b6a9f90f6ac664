"""A small lake on which every kind of write is tried: one raw table, and a model for each write.

What each model must hold is known from ``raw`` alone: its rows by id with the newest batch.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from tests.reliability.points import Points, WatchedDisk
from tests.runs.project import build_project, plan_project
from tests.runs.world import (
    append,
    build,
    close_context,
    merge,
    node_id,
    open_context,
    quoted,
    relation,
    run_steps,
    target,
)

from headwater.base.codec import Json
from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode, Graph
from headwater.lake.disk import Disk
from headwater.project.node import Node
from headwater.runs.context import Context, Tables
from headwater.runs.ingest import Asking, IngestOptions, ingest_sources
from headwater.runs.upkeep import Keeper

ROWS = 30_000
TOUCHED = 13
"""Every which row the second batch changes: few enough to be hidden, many enough for a file."""

Rows = tuple[tuple[object, ...], ...]

LATEST = f"select id, max(batch) as batch from {quoted('raw')} group by id"
NEWER = f"select id, batch from {quoted('raw')} where batch > (select max(batch) from {{this}})"
HISTORY = (
    "select id, max(batch) as batch, timestamp '2026-01-01' + to_days(max(batch)::integer) as at"
    f" from {quoted('raw')} group by id"
)


@contextmanager
def opened(
    folder: Path, points: Points | None = None, disk: Disk | None = None
) -> Iterator[Context]:
    """Open the lake in a folder; every call that it makes passes ``points``."""
    context = open_context(folder, threads=1)
    if points is not None:
        disk = WatchedDisk(points)
        context = replace(context, observer=points.observe)
    if disk is not None:
        context = replace(context, tables=Tables(str(folder / "lake"), disk=disk))
    try:
        yield context
    finally:
        close_context(context)


def load(context: Context, name: str, sql: str) -> None:
    """Add rows to a table that no model makes."""
    version = context.tables.table(relation(name)).version_or_none()
    step = build(name, sql) if version is None else append(name, sql, version=version)
    run = run_steps(context, replace(step, node=NodeId(f"source.shop.{name}.{name}")))
    assert run.status == "success", run.results[0].message


def load_first(context: Context, name: str = "raw") -> None:
    load(context, name, f"select i as id, 1 as batch from range({ROWS}) t(i)")


def load_second(context: Context, name: str = "raw") -> None:
    load(context, name, f"select i as id, 2 as batch from range(0, {ROWS + 500}, {TOUCHED}) t(i)")


def graph_of_model(name: str, full: str, newer: str | None, config: Mapping[str, Json]) -> Graph:
    """Return a project of the raw table and one model."""
    kind = "snapshot" if "strategy" in config else "table" if newer is None else "incremental"
    source = Node(
        unique_id=NodeId("source.shop.raw.raw"),
        resource_type="source",
        package="shop",
        name="raw",
        path="",
        original_path="",
        fqn=(),
        relation=relation("raw"),
    )
    node = Node(
        unique_id=node_id(name),
        resource_type="snapshot" if kind == "snapshot" else "model",
        package="shop",
        name=name,
        path=f"{name}.sql",
        original_path=f"models/{name}.sql",
        fqn=("shop", name),
        relation=relation(name),
        config=MappingProxyType({"materialized": kind, **config}),
    )
    compiled = CompiledNode(
        node=node,
        code=full,
        incremental_code=None if newer is None else newer.format(this=quoted(name)),
        depends_on=(),
        reads=(relation("raw"),),
        fingerprint=f"{name}-1",
    )
    nodes = {source.unique_id: CompiledNode(node=source), node.unique_id: compiled}
    return Graph(project="shop", target="dev", nodes=nodes, gates={}, checksum="c1")


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of write. ``name`` is also the table's."""

    name: str

    def prepare(self, context: Context) -> None:
        """Bring the lake to the state before the write."""
        raise NotImplementedError

    def act(self, context: Context) -> bool:
        """Write; False when it reports that it did not."""
        raise NotImplementedError

    def is_settled(self, context: Context) -> bool:
        """Say whether acting again would do nothing."""
        return True


@dataclass(frozen=True, slots=True)
class Model(Subject):
    """A model that is built from the raw table."""

    full: str = LATEST
    newer: str | None = None
    config: Mapping[str, Json] = field(default_factory=dict)
    is_first: bool = False

    @property
    def graph(self) -> Graph:
        return graph_of_model(self.name, self.full, self.newer, self.config)

    def prepare(self, context: Context) -> None:
        load_first(context)
        if not self.is_first:
            run = build_project(context, self.graph)
            assert run.status == "success", run.results[0].message
            load_second(context)

    def act(self, context: Context) -> bool:
        return build_project(context, self.graph).status == "success"

    def is_settled(self, context: Context) -> bool:
        return plan_project(context, self.graph).is_empty


@dataclass(frozen=True, slots=True)
class Upkeep(Subject):
    """Upkeep of a table with several small files, some of which hide rows."""

    verb: str = "optimize"

    def prepare(self, context: Context) -> None:
        name = self.name
        load_first(context, name)
        load_second(context, name)
        config = MappingProxyType({"merge_mode": "merge_on_read"})
        made = target(name, version=1, materialized="incremental", config=config)
        sql = f"select i as id, 3 as batch from range(1, {ROWS}, {TOUCHED}) t(i)"
        run = run_steps(context, merge(name, sql, 1, target=made))
        assert run.status == "success", run.results[0].message
        if self.verb == "vacuum":
            Keeper(context).optimize(name)

    def act(self, context: Context) -> bool:
        keeper = Keeper(context)
        match self.verb:
            case "optimize":
                keeper.optimize(self.name)
            case "vacuum":
                keeper.vacuum(self.name, retain=timedelta(0), force=True, dry_run=False)
            case "restore":
                keeper.restore(self.name, version=1)
            case "checkpoint":
                keeper.checkpoint(self.name)
            case other:
                raise ValueError(other)
        return True

    def is_settled(self, context: Context) -> bool:
        keeper = Keeper(context)
        match self.verb:
            case "optimize":
                return keeper.optimize(self.name, dry_run=True).files_removed == 0
            case "vacuum":
                asked = timedelta(0)
                found = keeper.vacuum(self.name, retain=asked, force=True, dry_run=True)
                return found.files_removed == 0
            case _:
                return True


@dataclass(frozen=True, slots=True)
class Ingest(Subject):
    """A load of three files from outside, in two commits; the second may widen a column."""

    widens: bool = False

    def prepare(self, context: Context) -> None:
        inbox = Path(context.project_root) / "inbox"
        inbox.mkdir()
        for number in range(3):
            batch = number << 40 if self.widens else number
            lines = "".join(f"{number * 100 + i},{batch}\n" for i in range(100))
            (inbox / f"{number}.csv").write_text("id,batch\n" + lines)

    def act(self, context: Context) -> bool:
        root = Path(context.project_root)
        first, rest = (
            (("0.csv",), ("1.csv", "2.csv")) if self.widens else (("0.csv", "1.csv"), ("2.csv",))
        )
        options = IngestOptions(
            rejects_file=root / "rejects.jsonl", types={"batch": "INTEGER"}, widens=self.widens
        )
        for files in (first, rest):
            paths = tuple(str(root / "inbox" / name) for name in files)
            if ingest_sources(context, self.name, Asking(paths), options).exit_code:
                return False
        return True


MERGED = {"unique_key": "id", "incremental_strategy": "merge"}
SUBJECTS: tuple[Subject, ...] = (
    Model("first", is_first=True),
    Model("overwrite"),
    Model(
        "append",
        f"select id, batch from {quoted('raw')}",
        NEWER,
        {"incremental_strategy": "append"},
    ),
    Model("merge_copy", LATEST, NEWER, {**MERGED, "merge_mode": "copy_on_write"}),
    Model("merge_hide", LATEST, NEWER, {**MERGED, "merge_mode": "merge_on_read"}),
    Model(
        "delete_insert",
        LATEST,
        NEWER,
        {"unique_key": "id", "incremental_strategy": "delete+insert"},
    ),
    Model(
        "snapshot",
        HISTORY,
        None,
        {"unique_key": "id", "strategy": "timestamp", "updated_at": "at"},
    ),
    Upkeep("optimize", "optimize"),
    Upkeep("vacuum", "vacuum"),
    Upkeep("restore", "restore"),
    Upkeep("checkpoint", "checkpoint"),
    Ingest("ingest"),
    Ingest("widen", widens=True),
)
BY_NAME: Mapping[str, Subject] = MappingProxyType({each.name: each for each in SUBJECTS})


def rows_or_none(context: Context, name: str, version: int | None = None) -> Rows | None:
    """Return the rows of a table, sorted; None when there is no table."""
    table = context.tables.table(relation(name))
    if table.version_or_none() is None:
        return None
    session = context.engine.open_session(catalog="shop", schema="main")
    try:
        session.bind(relation(name), table.snapshot(version))
        sql = f"select * from {quoted(name)} order by all"
        found = session.query(sql, rows_max=10 * ROWS)
        # Ids of a snapshot's rows are hashes that hold the time of the run.
        kept = [at for at, column in enumerate(found.columns) if column.name != "dbt_scd_id"]
        return tuple(tuple(str(row[at]) for at in kept) for row in found.rows)
    finally:
        session.close()
