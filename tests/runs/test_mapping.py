"""Tables whose columns are mapped keep that through every kind of write, for every reader."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import pytest
from tests.peer.readers import delta_rs
from tests.runs.mapping import make_mapped
from tests.runs.world import (
    append,
    build,
    close_context,
    merge,
    open_context,
    relation,
    rows_of,
    run_steps,
    target,
)

from headwater.base.errors import HeadwaterError, Invalid
from headwater.engines.engine import Destination, WriteAll
from headwater.lake.commit import AddFile, Commit, commit
from headwater.lake.replay import entry_name
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.runs.append import Appender, AppendOptions
from headwater.runs.context import Context, Tables
from headwater.runs.ingest import Asking, IngestOptions, ingest_sources
from headwater.runs.loads import loading, target_name
from headwater.runs.upkeep import Keeper

NEW = """
select i::bigint as id, 'new ' || i as word, case i % 2 when 0 then 'a' else 'b' end as p,
  {'n': i::integer, 'in': {'w': 'deep ' || i}} as nested, [{'m': i::bigint}] as list
from range(2, 6) t(i)
"""
MORE = f"select *, 1.5::double as more, {{'x': 1, 'y': 'z'}} as deep from ({NEW})"


@pytest.fixture(params=[("name", ()), ("id", ("p",))], ids=["by name", "by id, partitioned"])
def context(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Context]:
    mode, partition_by = request.param
    made = open_context(tmp_path)
    make_mapped(root_of(made), mode, partition_by=partition_by)
    yield made
    close_context(made)


def root_of(context: Context, name: str = "t") -> Path:
    return Path(context.tables.table(relation(name)).root)


def snapshot_of(context: Context) -> Snapshot:
    return context.tables.table(relation("t")).snapshot()


def read_by_delta_rs(root: Path) -> list[str]:
    read, _ = delta_rs()
    return sorted(str(tuple(row)) for row in read(str(root)))


def own_rows(context: Context, name: str = "t") -> list[str]:
    return sorted(map(str, rows_of(context, name)))


def merge_by(mode: str, sql: str = NEW) -> Any:
    made = target(
        "t", version=0, materialized="incremental", config=MappingProxyType({"merge_mode": mode})
    )
    return merge("t", sql, 0, target=made)


def fields_of(path: Path) -> dict[str, int | None]:
    with duckdb.connect() as connection:
        found = connection.execute(f"select name, field_id from parquet_schema('{path}')")
        return dict(found.fetchall())


WRITES: dict[str, Callable[[], Any]] = {
    "append": lambda: append("t", NEW, 0),
    "merge, files written again": lambda: merge_by("copy_on_write"),
    "merge, rows hidden": lambda: merge_by("merge_on_read"),
    "overwrite": lambda: build("t", NEW, version=0),
    "new columns": lambda: append("t", MORE, 0, on_schema_change="append_new_columns"),
    "columns dropped": lambda: append(
        "t", f"select * exclude (word) from ({NEW})", 0, on_schema_change="sync_all_columns"
    ),
}


def rows_for(query: str) -> list[str]:
    with duckdb.connect() as connection:
        return sorted(map(str, connection.execute(query).fetchall()))


START = "select * from (" + NEW.replace("'new '", "'old '").replace("(2, 6)", "(0, 4)") + ")"
LATER = "select *, null::double as more, null::struct(x integer, y varchar) as deep from"
EXPECTED = {
    "append": f"{START} union all {NEW}",
    "merge, files written again": f"{START} where id < 2 union all {NEW}",
    "merge, rows hidden": f"{START} where id < 2 union all {NEW}",
    "overwrite": NEW,
    "new columns": f"{LATER} ({START}) union all {MORE}",
    "columns dropped": f"select * exclude (word) from ({START} union all {NEW})",
}


@pytest.mark.parametrize("write", WRITES)
def test_every_write_is_read_alike_by_another_reader(context: Context, write: str) -> None:
    run = run_steps(context, WRITES[write]())

    assert [result.status for result in run.results] == ["success"], run.results
    assert own_rows(context) == rows_for(EXPECTED[write])
    assert read_by_delta_rs(root_of(context)) == own_rows(context)
    assert snapshot_of(context).properties["delta.columnMapping.mode"] in {"name", "id"}


def log_of(context: Context, version: int) -> list[dict[str, Any]]:
    text = (root_of(context) / entry_name(version)).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_files_and_log_have_the_names_and_ids_of_the_schema(context: Context) -> None:
    run_steps(context, append("t", NEW, 0))

    (added,) = [line["add"] for line in log_of(context, 1) if "add" in line][:1]
    partitions = snapshot_of(context).partition_columns
    ids = {f"col-{number}": number for number in (1, 2, 4, 5, 6, 7, 8, 9)}
    ids |= {} if partitions else {"col-3": 3}
    found = fields_of(root_of(context) / added["path"])
    assert {name: number for name, number in found.items() if number is not None} == ids
    bounds = json.loads(added["stats"])
    assert bounds["nullCount"]["col-4"] == {"col-5": 0, "col-6": {"col-7": 0}}
    assert {"col-1", "col-2"} <= bounds["minValues"].keys() <= {f"col-{n}" for n in range(10)}
    assert set(added["partitionValues"]) == ({"col-3"} if partitions else set())


def test_new_columns_get_ids_that_none_had_and_the_largest_is_kept(context: Context) -> None:
    run_steps(context, append("t", MORE, 0, on_schema_change="append_new_columns"))

    snapshot = snapshot_of(context)
    fields = {part["name"]: part for part in json.loads(snapshot.schema_string)["fields"]}
    inside = {part["name"]: part["metadata"] for part in fields["deep"]["type"]["fields"]}
    key = "delta.columnMapping.id"
    numbers = [fields[name]["metadata"][key] for name in ("more", "deep")]
    assert numbers == [13, 14]
    assert [inside[name][key] for name in ("x", "y")] == [15, 16]
    assert snapshot.properties["delta.columnMapping.maxColumnId"] == "16"
    assert snapshot.physical_names["id"] == "col-1"
    assert snapshot.physical_names["more"].startswith("col-")
    assert len(snapshot.physical_names["more"]) == len("col-") + 36


def test_a_column_that_comes_back_is_another_one(context: Context) -> None:
    run_steps(context, WRITES["columns dropped"]())
    step = append("t", NEW, 1, on_schema_change="append_new_columns")
    run_steps(context, replace(step, target=replace(step.target, version=1)))

    snapshot = snapshot_of(context)
    assert snapshot.physical_names["word"] != "col-2"
    words = {row[-1] for row in rows_of(context, "t")}
    assert words == {None, "new 2", "new 3", "new 4", "new 5"}
    assert read_by_delta_rs(root_of(context)) == own_rows(context)


def test_a_column_that_a_model_drops_writes_no_old_file_again(context: Context) -> None:
    before = {file.path for file in snapshot_of(context).files}

    run_steps(context, WRITES["columns dropped"]())

    assert before < {file.path for file in snapshot_of(context).files}
    assert Keeper(context).fsck("t", deep=True).faults == ()


def test_hidden_rows_and_small_files_are_written_again_under_the_same_names(
    context: Context,
) -> None:
    run_steps(context, merge_by("merge_on_read"))
    before = own_rows(context)

    Keeper(context).optimize("t")

    assert own_rows(context) == before
    assert read_by_delta_rs(root_of(context)) == before
    assert not any(file.deleted_rows for file in snapshot_of(context).files)


@pytest.mark.parametrize("deep", [False, True])
def test_a_clone_has_the_mapping_of_its_original(context: Context, deep: bool) -> None:
    run_steps(context, merge_by("merge_on_read"))

    Keeper(context).clone("t", "copy", deep=deep)

    assert own_rows(context, "copy") == own_rows(context)
    assert read_by_delta_rs(root_of(context, "copy")) == own_rows(context)
    run_steps(context, append("copy", NEW, 0))
    assert read_by_delta_rs(root_of(context, "copy")) == own_rows(context, "copy")


def test_going_back_gives_columns_the_names_that_their_files_have(context: Context) -> None:
    before = own_rows(context)
    run_steps(context, WRITES["columns dropped"]())

    Keeper(context).restore("t", version=0)

    assert own_rows(context) == before
    assert read_by_delta_rs(root_of(context)) == before


def test_a_checkpoint_keeps_the_mapping(context: Context) -> None:
    run_steps(context, append("t", NEW, 0))
    before = own_rows(context)
    Keeper(context).checkpoint("t")
    for version in (0, 1):
        (root_of(context) / entry_name(version)).unlink()

    assert own_rows(context) == before
    step = append("t", NEW, 1)
    run_steps(context, replace(step, target=replace(step.target, version=1)))
    assert len(own_rows(context)) == len(before) + 4
    assert read_by_delta_rs(root_of(context)) == own_rows(context)


def test_files_under_other_names_are_not_committed(context: Context) -> None:
    root = str(root_of(context))
    session = context.engine.open_session(catalog="shop", schema="main")
    written = session.write(
        "select 1::bigint as id, 'x' as word", WriteAll(), Destination(root=root, prefix="x")
    )
    session.close()
    partitions = snapshot_of(context).partition_columns
    values = MappingProxyType(dict.fromkeys(partitions, "a"))
    entry = Commit(
        operation="WRITE",
        requirements=(),
        actions=tuple(
            AddFile(file=replace(file, partition_values=values)) for file in written.added
        ),
    )

    with pytest.raises(HeadwaterError, match="contradicts itself") as caught:
        commit(context.tables.table(relation("t")), entry)

    assert "other names" in caught.value.why


def test_loads_add_columns_and_widen_them_under_mapped_names(
    context: Context, tmp_path: Path
) -> None:
    path = tmp_path / "more.parquet"
    with duckdb.connect() as connection:
        sql = "select 9999999999999999999::decimal(20, 0) as id, 'w' as word, 'a' as p, 7 as extra"
        connection.execute(f"copy ({sql}) to '{path}' (format parquet)")
    options = IngestOptions(rejects_file=tmp_path / "rejects.jsonl", widens=True)

    done = ingest_sources(context, "t", Asking(sources=(str(path),)), options)

    assert [end.status for end in done.files] == ["loaded"]
    snapshot = snapshot_of(context)
    assert {column.name: column.type for column in snapshot.columns}["id"] == "DECIMAL(20,0)"
    assert snapshot.physical_names["id"] == "col-1"
    assert len(own_rows(context)) == 5
    assert read_by_delta_rs(root_of(context)) == own_rows(context)


def test_an_appender_writes_mapped_names(context: Context) -> None:
    name = target_name(context, "t")
    with loading(context, name, "append") as load, Appender(load, AppendOptions()) as appender:
        appender.append([{"id": 7, "word": "w", "p": "a", "later": 1}])
        appender.flush()
        appender.append([{"id": 8, "word": "x", "p": "b", "later": 2, "latest": 3}])

    assert len(own_rows(context)) == 6
    assert {row[-2:] for row in rows_of(context, "t")} == {(None, None), (1, None), (2, 3)}
    assert read_by_delta_rs(root_of(context)) == own_rows(context)


def test_statements_change_a_mapped_table(context: Context) -> None:
    hooked = append("t", NEW, 0)
    made = replace(hooked.target, post_hooks=("update shop.main.t set word = 'set' where id = 3",))

    run = run_steps(context, replace(hooked, target=made))

    assert [result.status for result in run.results] == ["success"], run.results
    assert [row[1] for row in rows_of(context, "t") if row[0] == 3] == ["set", "set"]
    assert read_by_delta_rs(root_of(context)) == own_rows(context)


def test_a_column_gets_another_name_and_no_file_changes(context: Context) -> None:
    run_steps(context, merge_by("merge_on_read"))
    before, files = own_rows(context), len(list(root_of(context).rglob("*.parquet")))

    Keeper(context).rename_column("t", "WORD", "text")

    snapshot = snapshot_of(context)
    assert [column.name for column in snapshot.columns][:2] == ["id", "text"]
    assert (snapshot.physical_names["text"], snapshot.version) == ("col-2", 2)
    assert own_rows(context) == before
    assert read_by_delta_rs(root_of(context)) == before
    assert len(list(root_of(context).rglob("*.parquet"))) == files
    assert all("text" in file.stats and "word" not in file.stats for file in written_here(context))
    assert [known(file) for file in written_here(open_again(context))] == [
        known(file) for file in written_here(context)
    ]


def known(file: DataFile) -> tuple[object, ...]:
    """Return what is known of a file; of what is inside of columns only a new look knows all."""
    tops = {name: part for name, part in file.stats.items() if not name.startswith('"')}
    return file.path, tops, dict(file.partition_values), file.deleted_rows


def written_here(context: Context) -> list[DataFile]:
    """Return the files with all statistics: those that Spark's part of the test did not write."""
    return [file for file in snapshot_of(context).files if file.stats]


def open_again(context: Context) -> Context:
    return replace(context, tables=Tables(str(root_of(context).parents[2])))


def test_names_can_be_exchanged(context: Context) -> None:
    before = [(row[1], row[0], *row[2:]) for row in rows_of(context, "t")]
    keeper = Keeper(context)

    for old, new in (("word", "x"), ("id", "word"), ("x", "id")):
        keeper.rename_column("t", old, new)

    columns = {column.name: column.type for column in snapshot_of(context).columns}
    assert (columns["id"], columns["word"]) == ("VARCHAR", "BIGINT")
    assert [(row[1], row[0], *row[2:]) for row in rows_of(context, "t")] == before


def test_a_partition_column_gets_another_name(context: Context) -> None:
    before = own_rows(context)

    Keeper(context).rename_column("t", "p", "part")
    run_steps(context, next_append(context, NEW.replace("as p,", "as part,")))

    assert [row for row in own_rows(context) if "old" in row] == before
    assert len(own_rows(context)) == 8
    assert read_by_delta_rs(root_of(context)) == own_rows(context)


def next_append(context: Context, sql: str) -> Any:
    version = snapshot_of(context).version
    step = append("t", sql, version)
    return replace(step, target=replace(step.target, version=version))


def test_a_column_is_dropped_and_one_of_its_name_is_new(context: Context) -> None:
    Keeper(context).drop_column("t", "word")
    dropped = own_rows(context)

    step = next_append(context, NEW)
    run_steps(context, replace(step, on_schema_change="append_new_columns"))

    assert not any("old" in row for row in dropped)
    assert read_by_delta_rs(root_of(context)) == own_rows(context)
    assert {row[-1] for row in rows_of(context, "t")} == {None, *(f"new {i}" for i in range(2, 6))}
    Keeper(context).restore("t", version=0)
    assert {row[1] for row in rows_of(context, "t")} == {f"old {i}" for i in range(4)}


def test_columns_that_cannot_be_dropped_are_named(context: Context) -> None:
    column = next(iter(snapshot_of(context).partition_columns), "none")

    with pytest.raises(Invalid) as caught:
        Keeper(context).drop_column("t", column)

    assert caught.value.code == "alter-column"
    assert "its columns are id, word, p, nested, list" in caught.value.fix


def test_a_name_that_is_taken_is_refused(context: Context) -> None:
    with pytest.raises(Invalid) as caught:
        Keeper(context).rename_column("t", "word", "ID")

    assert caught.value.code == "alter-column"


def test_columns_of_a_table_without_mapping_keep_their_names(context: Context) -> None:
    run_steps(context, build("plain", "select 1 as id, 2 as v"))

    with pytest.raises(Invalid) as caught:
        Keeper(context).rename_column("plain", "v", "w")

    assert caught.value.code == "columns-not-mapped"
