"""Reading the log: time travel, damage, features, and the same answer as delta-rs."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.lake.writing import (
    NOON,
    RUN,
    adding,
    append,
    clock_at,
    create,
    make_commit,
    open_table,
    write_files,
)

from headwater.base.errors import DataDamaged, Invalid, NotFound
from headwater.base.relations import Column
from headwater.lake.commit import (
    CHECKPOINT_EVERY,
    AddFile,
    RemoveFile,
    SetSchema,
    SetTransaction,
    commit,
)
from headwater.lake.delta import write_checkpoint
from headwater.lake.replay import entry_name
from headwater.lake.snapshot import ColumnStats, DataFile
from headwater.lake.storage import open_storage
from headwater.lake.table import Table


def three_versions(root: Path, *, checkpoint_every: int = CHECKPOINT_EVERY) -> Table:
    table = open_table(root)
    create(table, "select 0 as a")
    for number in (1, 2):
        append(table, f"select {number} as a", checkpoint_every=checkpoint_every)
    return table


def test_no_table_is_said_as_such(tmp_path: Path) -> None:
    table = open_table(tmp_path / "nope")

    assert (table.snapshot_or_none(), table.version_or_none()) == (None, None)
    for call in (table.snapshot, table.history, lambda: table.snapshot(0)):
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.code == "table-not-found"


def test_every_version_can_be_read_and_no_other(tmp_path: Path) -> None:
    table = three_versions(tmp_path)

    assert [table.snapshot(version).rows for version in (0, 1, 2)] == [1, 2, 3]
    for version in (3, -1):
        with pytest.raises(NotFound, match="has no version") as caught:
            table.snapshot(version)
        assert caught.value.code == "version-not-found"


def test_a_table_is_read_as_it_was_at_a_time(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    clock = clock_at()
    columns, files = write_files(tmp_path, "select 1 as a")
    commit(table, make_commit(SetSchema(columns=columns), *adding(*files)), clock)
    for _ in range(2):
        clock.advance(timedelta(hours=1))
        commit(table, make_commit(SetTransaction(app_id="a", version=1)), clock)

    found = [
        table.snapshot(at=NOON + timedelta(minutes=minutes)).version for minutes in (0, 59, 60, 999)
    ]

    assert found == [0, 0, 1, 2]
    with pytest.raises(NotFound) as caught:
        table.snapshot(at=NOON - timedelta(seconds=1))
    assert caught.value.code == "version-not-found"


def test_a_table_object_sees_what_others_commit(tmp_path: Path) -> None:
    table = three_versions(tmp_path)
    before = table.snapshot()

    append(open_table(tmp_path), "select 9 as a")

    assert (before.rows, table.snapshot().rows, table.version_or_none()) == (3, 4, 3)


def test_a_table_made_anew_in_the_same_place_is_noticed(tmp_path: Path) -> None:
    table = three_versions(tmp_path / "t")
    assert table.snapshot().rows == 3
    shutil.rmtree(tmp_path / "t")
    assert table.snapshot_or_none() is None

    create(open_table(tmp_path / "t"), "select 'x' as b")

    assert [column.name for column in table.snapshot().columns] == ["b"]


def test_a_table_replaced_by_one_with_as_many_versions_is_noticed(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    assert table.snapshot().columns[0].name == "a"
    create(open_table(tmp_path / "new"), "select 1 as b")
    shutil.rmtree(tmp_path / "t")

    (tmp_path / "new").rename(tmp_path / "t")

    assert table.snapshot().columns[0].name == "b"


def test_history_is_newest_first_and_bounded(tmp_path: Path) -> None:
    table = three_versions(tmp_path)

    entries = table.history(2)

    assert [entry.version for entry in entries] == [2, 1]
    assert entries[0].headwater["run_id"] == RUN
    assert (entries[0].rows_added, entries[0].files_added, entries[0].files_removed) == (1, 1, 0)
    assert table.history(0) == ()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda data: data[: len(data) // 2],
    "cut after a line": lambda data: data[: data.index(b"\n") + 1],
    "empty": lambda _: b"",
    "zeros": lambda data: b"\0" * len(data),
    "not JSON": lambda _: b"hello\n",
    "not UTF-8": lambda data: data.replace(b"WRITE", b"\xff\xfe\xfd\xfc!"),
    "a list": lambda _: b"[1,2]\n",
    "wrong types": lambda _: b'{"add":{"path":7,"size":"x"}}\n',
    "path out of the table": lambda _: b'{"add":{"path":"../../x.parquet","size":1}}\n',
    "bad percent encoding": lambda _: b'{"add":{"path":"%ff%fe","size":1}}\n',
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_damaged_entry_is_named_and_nothing_is_guessed(
    tmp_path: Path, kind: str, version: int
) -> None:
    three_versions(tmp_path)
    path = tmp_path / entry_name(version)
    path.write_bytes(DAMAGE[kind](path.read_bytes()))

    with pytest.raises(DataDamaged, match=entry_name(version)) as caught:
        open_table(tmp_path).snapshot()

    assert caught.value.code == "log-damaged"


def test_damage_behind_a_table_object_is_seen_when_it_advances(tmp_path: Path) -> None:
    table = three_versions(tmp_path)
    table.snapshot()
    (tmp_path / entry_name(3)).write_bytes(b"{")

    for _ in range(2):
        with pytest.raises(DataDamaged, match=entry_name(3)):
            table.snapshot()


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_version_in_the_middle_is_named(tmp_path: Path, missing: int) -> None:
    three_versions(tmp_path)
    (tmp_path / entry_name(missing)).unlink()

    with pytest.raises(DataDamaged, match=entry_name(missing)):
        open_table(tmp_path).snapshot()


def test_other_files_in_the_log_folder_mean_nothing(tmp_path: Path) -> None:
    table = three_versions(tmp_path)
    for name in (
        "x.json",
        ".tmp-00000000000000000003.json-ab",
        "3.json",
        "_commits/1.json",
        "00000000000000000001.crc",
        "00000000000000000000.00000000000000000001.compacted.json",
    ):
        path = tmp_path / "_delta_log" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{", encoding="utf-8")

    assert open_table(tmp_path).snapshot() == table.snapshot()


def change(root: Path, edit: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    path = root / entry_name(0)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    protocol = next(line["protocol"] for line in lines if "protocol" in line)
    metadata = next(line["metaData"] for line in lines if "metaData" in line)
    edit(protocol, metadata)
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")


UNREADABLE: dict[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "reader version 4": lambda p, _: p.update(minReaderVersion=4),
    "`typeWidening`": lambda p, _: p.update(
        minReaderVersion=3, minWriterVersion=7, readerFeatures=["typeWidening"], writerFeatures=[]
    ),
    "`catalogManaged`": lambda p, _: p.update(
        minReaderVersion=3, minWriterVersion=7, readerFeatures=["catalogManaged"], writerFeatures=[]
    ),
    "column mapping by `place`": lambda p, m: (
        p.update(minReaderVersion=2, minWriterVersion=5),
        m["configuration"].update({"delta.columnMapping.mode": "place"}),
    ),
    "`orc`": lambda _, m: m["format"].update(provider="orc"),
}


@pytest.mark.parametrize("feature", UNREADABLE)
def test_a_table_that_would_be_misread_is_refused_by_name(tmp_path: Path, feature: str) -> None:
    three_versions(tmp_path)
    change(tmp_path, UNREADABLE[feature])

    with pytest.raises(Invalid, match=feature) as caught:
        open_table(tmp_path).snapshot()

    assert caught.value.code == "table-feature-unsupported"


def test_columns_mapped_by_ids_that_they_do_not_have_are_damage(tmp_path: Path) -> None:
    three_versions(tmp_path)
    change(
        tmp_path,
        lambda p, m: (
            p.update(minReaderVersion=2, minWriterVersion=5),
            m["configuration"].update({"delta.columnMapping.mode": "id"}),
        ),
    )

    with pytest.raises(DataDamaged, match="cannot be used"):
        open_table(tmp_path).snapshot()


@pytest.mark.parametrize("part", ["protocol", "metaData"])
def test_a_log_without_protocol_or_metadata_is_damage(tmp_path: Path, part: str) -> None:
    three_versions(tmp_path)
    path = tmp_path / entry_name(0)
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if part not in line]
    path.write_text("\n".join(lines[1:]), encoding="utf-8")

    with pytest.raises(DataDamaged) as caught:
        open_table(tmp_path).snapshot()

    assert part in caught.value.why


def test_names_of_a_mapped_table_are_logical_and_its_files_physical(tmp_path: Path) -> None:
    mapping = "delta.columnMapping"
    fields = [
        {
            "name": name,
            "type": kind,
            "nullable": True,
            "metadata": {f"{mapping}.id": 1, f"{mapping}.physicalName": f"c-{name}"},
        }
        for name, kind in (("a", "long"), ("p", "string"))
    ]
    stats = {"numRecords": 1, "minValues": {"c-a": 3}, "nullCount": {"c-a": 0}}
    lines = [
        {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}},
        {"metaData": {"id": "i", "format": {"provider": "parquet", "options": {}},
                      "schemaString": json.dumps({"type": "struct", "fields": fields}),
                      "partitionColumns": ["p"],
                      "configuration": {"delta.columnMapping.mode": "name"}}},
        {"add": {"path": "x.parquet", "size": 1, "partitionValues": {"c-p": "v"},
                 "modificationTime": 0, "dataChange": True, "stats": json.dumps(stats)}},
    ]  # fmt: skip
    path = tmp_path / entry_name(0)
    path.parent.mkdir()
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")

    snapshot = open_table(tmp_path).snapshot()

    assert dict(snapshot.physical_names) == {"a": "c-a", "p": "c-p"}
    assert dict(snapshot.files[0].partition_values) == {"p": "v"}
    assert snapshot.files[0].stats["a"].minimum == 3


def plain(table: Table, version: int | None = None) -> list[tuple[str, int, int | None]]:
    return [(file.path, file.size_bytes, file.rows) for file in table.snapshot(version).files]


def by_delta_rs(root: Path, version: int | None = None) -> list[tuple[str, int, int | None]]:
    rows = DeltaTable(str(root), version=version).get_add_actions().to_struct_array().to_pylist()
    return sorted((row["path"], row["size_bytes"], row["num_records"]) for row in rows)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), min_size=1, max_size=8
    )
)
def test_our_replay_is_delta_rs_replay_on_random_histories(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, bool]]
) -> None:
    root = tmp_path_factory.mktemp("history")
    table = open_table(root)
    column = Column("a", "BIGINT")
    number = 0
    commit(table, make_commit(SetSchema(columns=(column,))))
    for adds, removes, checkpoint in steps:
        new = []
        for _ in range(adds):
            number += 1
            (root / f"f{number}.parquet").write_bytes(b"x" * number)
            stats = {"a": ColumnStats(minimum=0, maximum=number, null_count=0)}
            new.append(
                DataFile(path=f"f{number}.parquet", size_bytes=number, rows=number, stats=stats)
            )
        old = [file.path for file in table.snapshot().files][:removes]
        commit(
            table,
            make_commit(
                *adding(*new),
                *(RemoveFile(path=path) for path in old),
                SetTransaction(app_id="a", version=number),
            ),
        )
        if checkpoint:
            write_checkpoint(str(root), {}, table.snapshot().version)

    newest = table.snapshot().version
    for version in range(newest + 1):
        assert plain(open_table(root), version) == by_delta_rs(root, version)
    assert table.transaction_or_none("a") == DeltaTable(str(root)).transaction_version("a")


def test_a_log_that_was_cleaned_up_to_a_checkpoint_is_read_from_it(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(
        table,
        "select 1 as a, 'x' as p, 1.25::decimal(9,2) as d",
        partition_by=("p",),
        transaction=7,
    )
    append(table, "select 2 as a, null as p, 2.5::decimal(9,2) as d", partition_by=("p",))
    write_checkpoint(table.root, {}, 1)
    append(table, "select 3 as a, 'y' as p, 3.5::decimal(9,2) as d", partition_by=("p",))
    full = table.snapshot()
    for version in (0, 1):
        (tmp_path / entry_name(version)).unlink()

    fresh = open_table(tmp_path)

    seen = fresh.snapshot()
    assert plain(fresh) == plain(table)
    assert (seen.version, seen.columns, seen.table_id) == (2, full.columns, full.table_id)
    assert [dict(f.partition_values) for f in seen.files] == [
        dict(f.partition_values) for f in full.files
    ]
    assert [(f.stats["d"].minimum, f.stats["a"].maximum) for f in seen.files] == [
        (f.stats["d"].minimum, f.stats["a"].maximum) for f in full.files
    ]
    assert fresh.transaction_or_none("app") == 7
    assert (
        append(fresh, "select 4 as a, 'y' as p, 3.5::decimal(9,2) as d", partition_by=("p",)) == 3
    )
    with pytest.raises(NotFound) as caught:
        fresh.snapshot(0)
    assert caught.value.code == "version-not-found"


def test_a_damaged_checkpoint_is_our_error_and_is_not_needed_with_the_whole_log(
    tmp_path: Path,
) -> None:
    table = three_versions(tmp_path)
    write_checkpoint(table.root, {}, 1)
    for found in (tmp_path / "_delta_log").glob("*.checkpoint.parquet"):
        found.write_bytes(b"PAR1 not really")

    assert open_table(tmp_path).snapshot().rows == 3

    (tmp_path / entry_name(0)).unlink()
    with pytest.raises(DataDamaged):
        open_table(tmp_path).snapshot()


def test_a_checkpoint_is_written_now_and_then_and_others_start_from_it(tmp_path: Path) -> None:
    table = three_versions(tmp_path, checkpoint_every=2)

    assert (tmp_path / "_delta_log/00000000000000000002.checkpoint.parquet").exists()
    for version in range(3):
        (tmp_path / entry_name(version)).unlink()
    assert pl.read_delta(table.root).height == 3


def test_a_table_by_another_writer_is_read_with_its_statistics(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"a": [1, None], "p": ["x y", "é%"], "t": [datetime(2024, 1, 1, tzinfo=UTC)] * 2}
    )
    write_deltalake(str(tmp_path), frame, partition_by=["p"])

    snapshot = open_table(tmp_path).snapshot()

    assert [(c.name, c.type) for c in snapshot.columns] == [
        ("a", "BIGINT"), ("p", "VARCHAR"), ("t", "TIMESTAMP WITH TIME ZONE"),
    ]  # fmt: skip
    assert all((tmp_path / file.path).exists() for file in snapshot.files)
    assert {file.partition_values["p"]: file.stats["a"].null_count for file in snapshot.files} == {
        "x y": 0,
        "é%": 1,
    }


def test_a_table_in_an_object_store_is_written_and_read(tmp_path: Path) -> None:
    storage = open_storage("memory://lake")
    _, files = write_files(tmp_path, "select 1 as a")
    storage.upload(str(tmp_path / files[0].path), f"c/s/t/{files[0].path}")
    table = Table("memory://lake/c/s/t", storage)

    version = commit(
        table,
        make_commit(SetSchema(columns=(Column("a", "INTEGER"),)), AddFile(file=files[0])),
    )

    assert version == 0
    assert Table("memory://lake/c/s/t", storage).snapshot().files[0].stats == files[0].stats


def test_a_table_outside_its_storage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        Table(str(tmp_path / "b" / "t"), open_storage(str(tmp_path / "a")))

    assert caught.value.code == "table-path-invalid"
