"""Writes a table by every kind of write, for other tools to read: ``python -m tests.peer.interop``.

Readers that live in other interpreters are named by ``HEADWATER_INTEROP_PYTHON`` (duckdb 1.5.5 with
``duckdb-extension-delta``, pyspark 4.2.0) and ``HEADWATER_DELTA_JARS`` (delta-spark_4.2_2.13-4.4.0,
delta-storage, delta-kernel-api, -defaults and -unitycatalog 4.4.0, from Maven Central).
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.peer.readers import lines_of
from tests.reliability.lake import SUBJECTS, opened
from tests.runs.mapping import make_mapped
from tests.runs.world import append, build, merge, quoted, relation, run_steps, target

from headwater.runs.context import Context
from headwater.runs.upkeep import Keeper

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

TYPES = """
select i::bigint as big, i::integer as whole, (i * 1.25)::decimal(18, 4) as money,
  i / 8 as real, 'wörd ' || i as word, i % 2 = 0 as flag, date '2026-01-01' + i::integer as day,
  timestamp '2026-01-01 00:00:00.123456' + to_hours(i) as local_time,
  timestamptz '2026-01-01 00:00:00+00' + to_hours(i) as at, encode('x' || i) as bytes,
  [i, null]::bigint[] as list, {'a': i, 'b': 'x'} as nested,
  case when i % 3 = 0 then null else i end::bigint as holes
from range(50) t(i)
"""


def types(context: Context) -> None:
    """Every type that a table can have."""
    run_steps(context, build("types", TYPES))


def partitions(context: Context) -> None:
    """Partitions by values that paths must encode, and null."""
    made = target("partitions", materialized="table")
    sql = "select i as id, case i % 4 when 3 then null else 'a b/ü=' || (i % 4) end as p"
    step = build("partitions", f"{sql} from range(40) t(i)")
    run_steps(context, replace(step, target=replace(made, partition_by=("p",))))


def new_column(context: Context) -> None:
    """A column that later files alone have."""
    run_steps(context, build("new_column", "select i as id from range(10) t(i)"))
    sql = "select i as id, 'new' as more from range(10, 20) t(i)"
    run_steps(context, append("new_column", sql, 0, on_schema_change="append_new_columns"))


def hidden_twice(context: Context) -> None:
    """Rows hidden by one merge, and more by the next, in the log itself."""
    name = "hidden_twice"
    run_steps(context, build(name, "select i as id, 0 as v from range(3000) t(i)"))
    config = MappingProxyType({"merge_mode": "merge_on_read"})
    for version in range(2):
        made = target(name, version=version, materialized="incremental", config=config)
        sql = f"select i as id, {version + 1} as v from range({version}, 3000, 50) t(i)"
        run_steps(context, merge(name, sql, version, target=made))


def checkpointed(context: Context) -> None:
    """Entries before a checkpoint are gone, vectors and all."""
    name = "checkpointed"
    hidden_twice(context)
    run_steps(
        context, build(name, f"select * from {quoted('hidden_twice')}", reads=["hidden_twice"])
    )
    config = MappingProxyType({"merge_mode": "merge_on_read"})
    made = target(name, version=0, materialized="incremental", config=config)
    run_steps(context, merge(name, "select i as id, 9 as v from range(7) t(i)", 0, target=made))
    Keeper(context).checkpoint(name)
    (Path(context.tables.table(relation(name)).root) / "_delta_log" / f"{0:020}.json").unlink()


def cloned(context: Context) -> None:
    """A clone of a table that hides rows."""
    hidden_twice(context)
    Keeper(context).clone("hidden_twice", "cloned")


def clustered(context: Context) -> None:
    """A table that was put in order."""
    sql = "select hash(i) % 1000 as a, hash(i + 1) % 1000 as b from range(3000) t(i)"
    run_steps(context, build("clustered", f"select a::bigint as a, b::bigint as b from ({sql})"))
    Keeper(context).optimize("clustered", cluster_by=("a", "b"))


NEW = """
select i::bigint as id, 'new ' || i as word, case i % 2 when 0 then 'a' else 'b' end as p,
  {'n': i::integer, 'in': {'w': 'deep ' || i}} as nested, [{'m': i::bigint}] as list,
  i / 2 as more
from range(2, 6) t(i)
"""


def mapped_by_name(context: Context) -> None:
    """Columns under other names: appended to with a new one, merged into, one called otherwise."""
    name = "mapped_by_name"
    make_mapped(Path(context.tables.table(relation(name)).root), "name")
    _written_twice(context, name)


def mapped_by_id(context: Context) -> None:
    """Columns found by their ids, in partitions."""
    name = "mapped_by_id"
    make_mapped(Path(context.tables.table(relation(name)).root), "id", partition_by=("p",))
    _written_twice(context, name)


def _written_twice(context: Context, name: str) -> None:
    run_steps(context, append(name, NEW, 0, on_schema_change="append_new_columns"))
    config = MappingProxyType({"merge_mode": "merge_on_read"})
    made = target(name, version=1, materialized="incremental", config=config)
    run_steps(context, merge(name, NEW.replace("'new '", "'newest '"), 1, target=made))
    run_steps(context, append(name, NEW, 2))


OWN: tuple[Callable[[Context], None], ...] = (
    types,
    partitions,
    new_column,
    hidden_twice,
    checkpointed,
    cloned,
    clustered,
    mapped_by_name,
    mapped_by_id,
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was written, and the rows that it must have."""

    name: str
    folder: str
    lines: tuple[str, ...]


def write_all(folder: Path) -> tuple[Table, ...]:
    """Write every kind of table, each into a lake of its own."""
    found: list[Table] = []
    for subject in SUBJECTS:
        with opened(folder / subject.name) as context:
            subject.prepare(context)
            assert subject.act(context), subject.name
            found.append(_table(context, subject.name))
    for write in OWN:
        with opened(folder / write.__name__) as context:
            write(context)
            found.append(_table(context, write.__name__))
    return tuple(found)


def _table(context: Context, name: str) -> Table:
    table = context.tables.table(relation(name))
    session = context.engine.open_session(catalog="shop", schema="main")
    try:
        session.bind(relation(name), table.snapshot())
        rows = session.query(f"select * from {quoted(name)}", rows_max=1_000_000).rows
    finally:
        session.close()
    return Table(name, table.root, tuple(lines_of(rows)))


def read_by(reader: str, tables: tuple[Table, ...]) -> tuple[str, Mapping[str, str]]:
    """Return a reader's version and what it said of each table: ``equal`` or what differs."""
    python = sys.executable
    if reader in {"duckdb", "spark"}:
        python = os.environ.get("HEADWATER_INTEROP_PYTHON", python)
    folders = [table.folder for table in tables]
    done = subprocess.run(
        [python, str(HERE / "readers.py"), reader, *folders],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TZ": "UTC"},
    )
    if done.returncode:
        return "", MappingProxyType({table.name: done.stderr[-300:] for table in tables})
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    ends = {table.name: _compared(table, found[table.folder]) for table in tables}
    return str(found[""]), MappingProxyType(ends)


def _compared(table: Table, found: Any) -> str:
    if isinstance(found, dict):
        return f"refused: {found['error']}"
    if tuple(found) == table.lines:
        return "equal"
    more, less = set(found) - set(table.lines), set(table.lines) - set(found)
    examples = f"{sorted(more)[:2]}, {sorted(less)[:2]}"
    return f"differs: {len(found)} rows, not {len(table.lines)}; {examples}"


def main() -> None:
    """Print the matrix as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        tables = write_all(Path(folder))
        found = {
            reader: read_by(reader, tables) for reader in ("delta-rs", "polars", "duckdb", "spark")
        }
    lines = ["| write | " + " | ".join(version for version, _ in found.values()) + " |"]
    lines.append("|---" * (len(found) + 1) + "|")
    for table in tables:
        ends = " | ".join(ends[table.name] for _, ends in found.values())
        lines.append(f"| {table.name} | {ends} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
