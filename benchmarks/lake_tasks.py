"""One task on a lake, as a process of its own: what the ``lake_*.py`` benchmarks measure.

Run: ``python benchmarks/lake_tasks.py TASK SUBJECT FOLDER [ARGUMENT ...]``. Nothing is imported
that the subject does not need, so that its memory is its own. What a task says about itself, beside
what the operating system says, is left in ``FOLDER.json``.
"""

# ruff: noqa: PLC0415 - what a subject imports is a part of its memory
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake_subject import ROW

if TYPE_CHECKING:
    from headwater.runs.context import Context

NARROW = """
  i::BIGINT AS id, TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(i) AS at,
  'category ' || (i % 20) AS kind, hash(i) / 1e19 AS x
"""
SHAPES = {"wide": ROW, "narrow": NARROW}
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
THREADS = 2
MEMORY_BYTES = 2**31


def open_context(folder: str) -> "Context":
    """Open a world without a project."""
    from headwater.catalog.metastore import open_metastore
    from headwater.engines.engine import EngineSettings
    from headwater.engines.registry import open_engine
    from headwater.runs.context import Context, Tables

    settings = EngineSettings(kind="duckdb", threads=4, memory_limit_bytes=MEMORY_BYTES)
    home = Path(folder) / ".headwater"
    return Context(
        engine=open_engine(settings),
        metastore=open_metastore(home / "workspace.db"),
        tables=Tables(str(Path(folder) / "lake")),
        folder=home,
        catalog="bench",
        schema="main",
    )


def write(subject: str, folder: str, source: str) -> None:
    """Write the rows of a Parquet file as a table, or as bare files."""
    query = f"SELECT * FROM read_parquet('{source}')"
    if subject == "hw":
        from headwater.base.ids import NodeId
        from headwater.base.relations import TableName
        from headwater.runs.load import load_rows

        context = open_context(folder)
        load_rows(
            context,
            TableName("bench", "main", "t"),
            query,
            mode="overwrite",
            node=NodeId("operation.bench.load"),
        )
        context.engine.close()
        return
    import duckdb

    Path(folder).mkdir(parents=True)
    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": "2GB"})
    if subject == "copy":
        options = "FORMAT parquet, COMPRESSION zstd, FILE_SIZE_BYTES '128MB'"
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(f"COPY ({query}) TO '{folder}/files' ({options})")
        return
    from deltalake import WriterProperties, write_deltalake

    packed = WriterProperties(compression="ZSTD", compression_level=3)
    reader = connection.sql(query).to_arrow_reader()
    write_deltalake(f"{folder}/t", reader, writer_properties=packed)


def append(subject: str, folder: str, shape: str, commits: str, rows: str) -> None:
    """Append the same rows in many commits."""
    import duckdb
    from arro3.core import Table

    count, size = int(commits), int(rows)
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    query = f"SELECT {SHAPES[shape]} FROM range({size}) r(i)"
    data = Table.from_arrow(connection.sql(query))
    connection.close()
    Path(folder).mkdir(parents=True)
    if subject == "delta-rs":
        times = append_with_delta_rs(folder, data, count)
    else:
        times = append_with_us(folder, data, count, compacts=subject == "hw")
    files = sum(1 for _ in Path(folder).rglob("*.parquet"))
    say(folder, times, rows=count * size, seconds=sum(times), files_on_disk=files)


def append_with_us(
    folder: str,
    data: Any,  # noqa: ANN401 - Arrow
    count: int,
    *,
    compacts: bool,
) -> list[float]:
    """Append by an appender, each call one commit."""
    from headwater.runs.append import AppendOptions, appending

    context = open_context(folder)
    with appending(context, "t", AppendOptions(rows_max=1, compacts=compacts)) as appender:
        times = [
            timed(lambda number=number: appender.append(data, sequence=number))
            for number in range(1, count + 1)
        ]
    context.engine.close()
    return times


def append_with_delta_rs(folder: str, data: Any, count: int) -> list[float]:  # noqa: ANN401 - Arrow
    """Append with delta-rs, a checkpoint every hundred commits as its default is."""
    from deltalake import write_deltalake

    place = f"{folder}/t"
    return [timed(lambda: write_deltalake(place, data, mode="append")) for _ in range(count)]


def timed(once: Callable[[], object]) -> float:
    """Return the seconds that a call took."""
    started = time.perf_counter()
    once()
    return time.perf_counter() - started


def say(folder: str, times: list[float], **figures: float) -> None:
    """Leave what a task says of itself: its latencies, in milliseconds, and other figures."""
    if not times:
        return
    part = max(1, len(times) // 10)
    document = {
        "latency_ms": {
            "all": spread(times),
            "first tenth": spread(times[:part]),
            "last tenth": spread(times[-part:]),
        },
        **figures,
    }
    Path(f"{folder}.json").write_text(json.dumps(document), encoding="utf-8")


def spread(times: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum in milliseconds."""
    ordered = sorted(times)
    places = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[int(last * at)] * 1000, 3) for name, at in places.items()}


def open_table(subject: str, folder: str) -> None:
    """Open a table and say how many files it has."""
    if subject == "hw":
        from headwater.lake.storage import open_storage
        from headwater.lake.table import Table

        count = len(Table(folder, open_storage(folder)).snapshot().files)
    else:
        from deltalake import DeltaTable

        count = len(DeltaTable(folder).get_add_actions())
    print(count)


def load_tpch(subject: str, folder: str, source: str) -> None:
    """Make tables of TPC-H's files; ``hidden`` ones hide a thousand rows of one file each."""
    from headwater.base.ids import NodeId
    from headwater.base.relations import TableName
    from headwater.runs.load import load_rows

    context = open_context(folder)
    for name in TABLES:
        query = f"SELECT * FROM read_parquet('{source}/{name}.parquet')"
        node = NodeId(f"operation.bench.{name}")
        load_rows(context, TableName("bench", "main", name), query, mode="overwrite", node=node)
        if subject == "hidden":
            hide(context, TableName("bench", "main", name))
    context.engine.close()


def hide(context: "Context", name: Any) -> None:  # noqa: ANN401 - a TableName
    """Hide a thousand rows of a table's first file, spread over it."""
    from dataclasses import replace

    from headwater.lake.commit import AddFile, Commit, RemoveFile, commit
    from headwater.runs.publish import with_vectors

    table = context.tables.table(name)
    file = table.snapshot().files[0]
    count = min(1000, (file.rows or 0) // 10)
    if not count:
        return
    step = (file.rows or 0) // count
    hidden = replace(file, deleted_rows=tuple(number * step for number in range(count)))
    actions = (RemoveFile(path=file.path), AddFile(file=hidden))
    prefix = "20261121T060200-1f3a9c2e-1-"
    entry = Commit(
        operation="DELETE", requirements=(), actions=with_vectors(table, actions, prefix)
    )
    commit(table, entry)


def read(subject: str, folder: str, queries: str) -> None:
    """Run TPC-H's queries, over the table's files or by ``hw sql``."""
    texts = json.loads(Path(queries).read_text(encoding="utf-8"))
    context = open_context(folder)
    if subject == "parquet":
        read_parquet(context, texts, folder)
        return
    from headwater.runs.query import run_sql

    times = [timed(lambda text=text: run_sql(context, text, rows_max=100_000)) for text in texts]
    context.engine.close()
    say(f"{folder}-{subject}", times, **{f"query {n}": t for n, t in enumerate(times, 1)})


def read_parquet(context: "Context", texts: list[str], folder: str) -> None:
    """Run queries over the same files by DuckDB alone."""
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": "2GB"})
    for name in TABLES:
        root = context.tables.root + f"/bench/main/{name}"
        files = sorted(map(str, Path(root).glob("*.parquet")))
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({files})")
    times = [timed(lambda text=text: connection.execute(text).fetchall()) for text in texts]
    say(f"{folder}-parquet", times, **{f"query {n}": t for n, t in enumerate(times, 1)})


def keep(subject: str, folder: str, verb: str) -> None:
    """Compact a table, make a checkpoint of it, or look for what can be deleted."""
    if subject == "hw":
        from headwater.runs.query import find_table, table_of
        from headwater.runs.upkeep import Keeper

        context = open_context(folder)
        place = table_of(context, find_table(context, "t")).root
        if not Path(place).is_relative_to(folder):
            message = f"the table is at {place}, not in the copy at {folder}"
            raise SystemExit(message)
        keeper = Keeper(context)
        {"optimize": keeper.optimize, "vacuum": keeper.vacuum, "checkpoint": keeper.checkpoint}[
            verb
        ]("t")
        context.engine.close()
        return
    from deltalake import DeltaTable

    table = DeltaTable(f"{folder}/lake/bench/main/t")
    {
        "optimize": table.optimize.compact,
        "vacuum": lambda: table.vacuum(dry_run=True),
        "checkpoint": table.create_checkpoint,
    }[verb]()


TASKS: dict[str, Callable[..., None]] = {
    "write": write,
    "append": append,
    "open": open_table,
    "load_tpch": load_tpch,
    "read": read,
    "keep": keep,
}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
    TASKS[sys.argv[1]](*sys.argv[2:])
