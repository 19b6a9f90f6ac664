"""Commits: what other Delta readers make of them, requirements, conflicts, refusals."""

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from tests.lake.object_server import serving
from tests.lake.writing import (
    NOON,
    adding,
    append,
    clock_at,
    create,
    make_commit,
    open_table,
    write_files,
)

from headwater.base.errors import (
    Conflict,
    DataDamaged,
    Denied,
    HeadwaterError,
    InternalError,
    Invalid,
    NotFound,
    Unavailable,
)
from headwater.base.relations import Column, TableName
from headwater.lake.commit import (
    Action,
    AddFile,
    Commit,
    RemoveFile,
    SchemaIs,
    SetSchema,
    SetTransaction,
    TransactionBelow,
    TransactionIs,
    VersionIs,
    commit,
)
from headwater.lake.replay import entry_name
from headwater.lake.snapshot import DataFile
from headwater.lake.storage import LocalStorage, open_storage
from headwater.lake.table import Table, table_root

EVERY_TYPE = """
select i as id, i::tinyint as t, (-i)::smallint as s, i::hugeint * 10000000000000000000 as h,
  i::uinteger as ui, (i * 1.5)::float as f, case when i = 1 then 'nan'::double else i end as d,
  (i * 1.01)::decimal(12,2) as m, i % 2 = 0 as b, repeat('é', i::int * 30) || 'x' as v,
  encode('b' || i) as bin, date '2024-02-28' + i::int as day,
  timestamp '2024-01-01 00:00:00.123456' + i * interval 1 second as ntz,
  timestamptz '2024-01-01 00:00:00.123456+00' + i * interval 1 day as tz,
  {'a': i, 'b c': [i, null], 'n': null::integer} as st, [[i], [], null] as l,
  map {'k': i} as mp, 'u' || i as part
from range(4) r(i)
union all select {nulls}, null
""".replace("{nulls}", ", ".join(["null"] * 17))


def records(frame: pl.DataFrame) -> list[str]:
    return sorted(str(row) for row in frame.rows())


def from_parquet(table: Table, partition: str = "part") -> pl.DataFrame:
    """Read the active files without any Delta reader."""
    snapshot = table.snapshot()
    frames = [
        pl.read_parquet(f"{table.root}/{file.path}", hive_partitioning=False).with_columns(
            pl.lit(file.partition_values[partition], dtype=pl.String).alias(partition)
        )
        for file in snapshot.files
    ]
    return pl.concat(frames).select([column.name for column in snapshot.columns])


def test_other_readers_see_every_type_partition_and_null(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")

    create(table, EVERY_TYPE, partition_by=("part",))

    expected = records(from_parquet(table))
    by_polars = pl.read_delta(table.root)
    assert len(expected) == 5
    assert records(by_polars) == expected
    assert table.snapshot().rows == 5


def delta_rs_rows(root: str, sql: str) -> list[tuple[object, ...]]:
    result = QueryBuilder().register("t", DeltaTable(root)).execute(sql)
    return list(pl.DataFrame(result.read_all()).rows())


def test_delta_rs_gives_the_same_rows_through_its_own_engine(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, EVERY_TYPE, partition_by=("part",))

    rows = delta_rs_rows(
        table.root,
        "select count(*), count(part), sum(id), count(st), max(cast(m as varchar)),"
        " cast(min(ntz) as varchar) from t",
    )

    assert rows == [(5, 4, 6, 4, "3.03", "2024-01-01T00:00:00.123456")]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ("ntz = timestamp '2024-01-01 00:00:00.123456'", 1),
        ("m >= 3.03", 1),
        ("v >= 'ééééééééééééééééééééééééééééééééé'", 2),
        ("part = 'u2'", 1),
        ("part is null", 1),
        ("day = date '2024-02-29'", 1),
    ],
)
def test_readers_that_prune_by_our_statistics_find_the_rows(
    tmp_path: Path, filter_: str, expected: int
) -> None:
    table = open_table(tmp_path / "t")
    create(table, EVERY_TYPE, partition_by=("part",))

    assert len(delta_rs_rows(table.root, f"select id from t where {filter_}")) == expected


HOSTILE_VALUES = [
    "a b",
    "%",
    "%20",
    "é/ü",
    "a=b",
    "..",
    "#?&+;:@$,",
    "'\"",
    "\\",
    "日本",
    "\n\t",
    "~",
]


def test_hostile_partition_values_are_read_back(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    database = duckdb.connect()
    database.execute("create table v(p varchar)")
    database.executemany("insert into v values (?)", [[value] for value in HOSTILE_VALUES])
    columns, files = write_files(
        table.root, "select p, length(p) as x from v", partition_by=("p",), connection=database
    )

    commit(table, make_commit(SetSchema(columns=columns, partition_by=("p",)), *adding(*files)))

    expected = sorted(HOSTILE_VALUES)
    assert sorted(pl.read_delta(table.root)["p"].to_list()) == expected
    assert sorted(
        str(f.partition_values["p"]) for f in open_table(table.root).snapshot().files
    ) == (expected)


def test_a_column_added_later_is_null_in_older_rows(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    first = table.snapshot()
    columns, files = write_files(table.root, "select 2 as a, timestamp '2024-01-01' as b")

    commit(table, make_commit(SetSchema(columns=columns), *adding(*files)))

    assert pl.read_delta(table.root).sort("a").rows() == [(1, None), (2, datetime(2024, 1, 1))]  # noqa: DTZ001
    assert table.snapshot().table_id == first.table_id
    assert [column.name for column in table.snapshot(0).columns] == ["a"]
    assert (table.snapshot().reader_version, first.reader_version) == (3, 1)
    assert set(table.snapshot().features) >= {"timestampNtz", "appendOnly", "invariants"}


def test_an_overwrite_shows_only_the_new_rows_and_keeps_the_old_version(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")

    create(table, "select 'x' as a, 2 as b")

    assert pl.read_delta(table.root).rows() == [("x", 2)]
    assert pl.read_delta(table.root, version=0).rows() == [(1,)]
    assert [len(table.snapshot(version).files) for version in (0, 1)] == [1, 1]


def test_the_entry_says_who_wrote_it_and_what(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    columns, files = write_files(table.root, "select 1 as a")

    commit(
        table,
        Commit(
            operation="CREATE TABLE AS SELECT",
            requirements=(VersionIs(version=None),),
            actions=(SetSchema(columns=columns), *adding(*files)),
            parameters={"mode": "Overwrite", "partitionBy": []},
            headwater={"run_id": "r", "attempt": 2, "inputs": {"a": 3}},
            metrics={"numOutputRows": 1},
        ),
        clock_at(),
    )

    info = json.loads(table.storage.read(entry_name(0)).splitlines()[0])["commitInfo"]
    assert info["timestamp"] == int(NOON.timestamp() * 1000)
    assert info["operationMetrics"] == {"numOutputRows": "1"}
    assert info["operationParameters"] == {"mode": "Overwrite", "partitionBy": "[]"}
    assert info["headwater"] == {"run_id": "r", "attempt": 2, "inputs": {"a": 3}}
    assert {"txnId", "engineInfo", "isBlindAppend"} <= set(info)
    assert DeltaTable(table.root).history(1)[0]["operation"] == "CREATE TABLE AS SELECT"


@pytest.mark.parametrize("wanted", [None, 0, 2])
def test_a_version_other_than_required_is_a_conflict_that_names_the_writer(
    tmp_path: Path, wanted: int | None
) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    append(table, "select 2 as a")

    with pytest.raises(Conflict, match="version 1, written by run 20261121T060200") as caught:
        commit(table, make_commit(requirements=(VersionIs(version=wanted),)))

    assert caught.value.code == "commit-conflict"
    assert table.version_or_none() == 1


def test_a_version_of_a_table_that_does_not_exist_is_a_conflict(tmp_path: Path) -> None:
    with pytest.raises(Conflict) as caught:
        commit(open_table(tmp_path / "t"), make_commit(requirements=(VersionIs(version=3),)))

    assert caught.value.code == "commit-conflict"


def test_a_transaction_is_committed_once(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a", transaction=5)

    for version in (4, 5):
        with pytest.raises(Conflict) as caught:
            commit(
                open_table(table.root),
                make_commit(
                    SetTransaction(app_id="app", version=version),
                    requirements=(TransactionBelow(app_id="app", version=version),),
                ),
            )
        assert caught.value.code == "already-committed"
    assert (table.version_or_none(), table.transaction_or_none("app")) == (0, 5)
    assert DeltaTable(table.root).transaction_version("app") == 5


@pytest.mark.parametrize(("known", "is_right"), [(None, False), (4, False), (5, True), (6, False)])
def test_a_commit_can_require_how_far_an_application_has_come(
    tmp_path: Path, known: int | None, is_right: bool
) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a", transaction=5)
    entry = make_commit(
        SetTransaction(app_id="app", version=7),
        requirements=(TransactionIs(app_id="app", version=known),),
    )

    if is_right:
        commit(table, entry)
    else:
        with pytest.raises(Conflict) as caught:
            commit(table, entry)
        assert caught.value.code == "already-committed"

    assert table.transaction_or_none("app") == (7 if is_right else 5)


def test_files_that_were_made_for_other_columns_are_not_committed(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    text = table.snapshot().schema_string
    _, files = write_files(table.root, "select 2 as a")
    create(open_table(table.root), "select 'x' as a")

    with pytest.raises(Conflict) as caught:
        commit(
            table,
            make_commit(*adding(*files), requirements=(SchemaIs(schema_string=text),)),
        )

    assert caught.value.code == "commit-conflict"


def test_a_retry_of_a_commit_that_went_through_is_told_so(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    again = make_commit(
        SetTransaction(app_id="app", version=1),
        requirements=(VersionIs(version=0), TransactionBelow(app_id="app", version=1)),
    )

    assert commit(table, again) == 1
    with pytest.raises(Conflict) as caught:
        commit(open_table(table.root), again)

    assert caught.value.code == "already-committed"


def test_everything_a_new_table_needs_is_flushed_before_its_entry_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "lake" / "c" / "s" / "t"
    columns, files = write_files(root, "select 1 as a, 'x' as p", partition_by=("p",))
    flushed: list[str] = []
    sync, link = os.fsync, os.link

    def watched_sync(descriptor: int) -> None:
        flushed.append(os.path.relpath(Path(f"/proc/self/fd/{descriptor}").readlink(), root))
        sync(descriptor)

    def watched_link(source: str, target: str) -> None:
        flushed.append("LINK")
        link(source, target)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "link", watched_link)
    table = open_table(root)
    commit(table, make_commit(SetSchema(columns=columns, partition_by=("p",)), *adding(*files)))

    before, after = flushed[: flushed.index("LINK")], flushed[flushed.index("LINK") + 1 :]
    assert {files[0].path, "p=x", ".", "..", "../..", "../../.."} <= set(before)
    assert any(name.startswith("_delta_log/.tmp-") for name in before)
    assert after == ["_delta_log"]


def test_an_append_that_lost_the_race_takes_the_next_version(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    _, files = write_files(table.root, "select 3 as a")

    class Rival(LocalStorage):
        def put_if_absent(self, path: str, data: bytes) -> bool:
            if path == entry_name(1):
                append(open_table(self.root), "select 2 as a")
            return super().put_if_absent(path, data)

    version = commit(Table(table.root, Rival(table.root)), make_commit(*adding(*files)))

    assert version == 2
    assert sorted(pl.read_delta(table.root)["a"].to_list()) == [1, 2, 3]


def test_an_overwrite_that_lost_the_race_is_a_conflict(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    old = table.snapshot().files[0].path

    class Rival(LocalStorage):
        def put_if_absent(self, path: str, data: bytes) -> bool:
            if path == entry_name(1):
                append(open_table(self.root), "select 2 as a")
            return super().put_if_absent(path, data)

    with pytest.raises(Conflict) as caught:
        commit(Table(table.root, Rival(table.root)), make_commit(RemoveFile(path=old)))

    assert caught.value.code == "commit-conflict"
    assert sorted(pl.read_delta(table.root)["a"].to_list()) == [1, 2]


def test_an_append_prepared_for_another_schema_is_a_conflict(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    _, files = write_files(table.root, "select 3 as a")

    class Rival(LocalStorage):
        def put_if_absent(self, path: str, data: bytes) -> bool:
            if path == entry_name(1):
                create(open_table(self.root), "select 'x' as a")
            return super().put_if_absent(path, data)

    with pytest.raises(Conflict):
        commit(Table(table.root, Rival(table.root)), make_commit(*adding(*files)))

    assert pl.read_delta(table.root).rows() == [("x",)]


class Flaky(LocalStorage):
    """Fails a put after it happened, or before."""

    def __init__(self, root: str, *, after: bool) -> None:
        super().__init__(root)
        self.after = after

    def put_if_absent(self, path: str, data: bytes) -> bool:
        if self.after:
            super().put_if_absent(path, data)
        raise Unavailable("storage-unavailable", "the answer was lost")


def test_a_put_whose_answer_was_lost_is_recognised_as_done(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    _, files = write_files(table.root, "select 2 as a")

    version = commit(Table(table.root, Flaky(table.root, after=True)), make_commit(*adding(*files)))

    assert version == 1
    assert sorted(pl.read_delta(table.root)["a"].to_list()) == [1, 2]


def test_a_put_that_failed_is_reported_and_nothing_is_visible(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")

    with pytest.raises(Unavailable):
        commit(Table(table.root, Flaky(table.root, after=False)), make_commit())

    assert table.version_or_none() == 0


class Forgetting(LocalStorage):
    """Keeps an entry and then answers nothing about it: its put is refused or not, reads fail."""

    def __init__(self, root: str, put_error: HeadwaterError | None = None) -> None:
        super().__init__(root)
        self.put_error = put_error
        self.is_silent = False

    def put_if_absent(self, path: str, data: bytes) -> bool:
        won = super().put_if_absent(path, data)
        self.is_silent = self.put_error is None
        if self.put_error is not None:
            raise self.put_error
        return won

    def read(self, path: str) -> bytes:
        if self.is_silent:
            raise Unavailable("storage-unavailable", "nobody answers")
        return super().read(path)


def test_an_acknowledged_entry_that_cannot_be_read_back_now_is_a_commit(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    _, files = write_files(table.root, "select 2 as a")

    version = commit(Table(table.root, Forgetting(table.root)), make_commit(*adding(*files)))

    assert version == 1
    assert sorted(pl.read_delta(table.root)["a"].to_list()) == [1, 2]


def test_an_entry_that_is_there_is_a_commit_though_the_last_try_was_forbidden(
    tmp_path: Path,
) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    _, files = write_files(table.root, "select 2 as a")
    storage = Forgetting(table.root, Denied("lake-read-only", "the key expired between two tries"))

    version = commit(Table(table.root, storage), make_commit(*adding(*files)))

    assert (version, table.version_or_none()) == (1, 1)


def test_a_put_to_s3_whose_reply_was_lost_is_one_commit(tmp_path: Path) -> None:
    """The client puts again, meets its own entry and is told 412."""
    columns, files = write_files(tmp_path, "select 1 as a")
    with serving() as server:
        table = Table("s3://bucket/l/t", open_storage("s3://bucket/l", server.options))
        table.storage.upload(str(tmp_path / files[0].path), files[0].path)
        server.lose_reply_to = entry_name(0)

        version = commit(table, make_commit(SetSchema(columns=columns), *adding(*files)))

        assert server.lose_reply_to == ""
        assert (version, table.version_or_none(), len(table.history())) == (0, 0, 1)
        assert DeltaTable(table.root, storage_options=server.options).version() == 0


def test_racing_commits_to_s3_lose_and_double_nothing(tmp_path: Path) -> None:
    columns, files = write_files(tmp_path, "select 1 as a")

    def append_two(number: int) -> list[int]:
        table = Table("s3://bucket/l/t", open_storage("s3://bucket/l", server.options))
        versions = []
        for turn in range(2):
            path = f"w{number}-{turn}.parquet"
            table.storage.upload(str(tmp_path / files[0].path), path)
            added = AddFile(file=replace(files[0], path=path))
            versions.append(commit(table, make_commit(added)))
        return versions

    with serving() as server, ThreadPoolExecutor(3) as pool:
        first = Table("s3://bucket/l/t", open_storage("s3://bucket/l", server.options))
        commit(first, make_commit(SetSchema(columns=columns)))
        versions = [version for made in pool.map(append_two, range(3)) for version in made]

        assert sorted(versions) == list(range(1, 7))
        assert first.snapshot().rows == 6


def test_bytes_that_the_storage_did_not_keep_are_damage(tmp_path: Path) -> None:
    class Lossy(LocalStorage):
        def put_if_absent(self, path: str, data: bytes) -> bool:
            return super().put_if_absent(path, data.replace(b"Headwater", b"Headwate_"))

    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")

    with pytest.raises(DataDamaged):
        commit(Table(table.root, Lossy(table.root)), make_commit())


FILE = DataFile(path="x.parquet", size_bytes=1, rows=1)
SCHEMA = SetSchema(columns=(Column("a", "INTEGER"),))


@pytest.mark.parametrize(
    "actions",
    [
        pytest.param((AddFile(file=FILE), AddFile(file=FILE)), id="added twice"),
        pytest.param((AddFile(file=FILE), RemoveFile(path="x.parquet")), id="added and removed"),
        pytest.param((RemoveFile(path="nope.parquet"),), id="removes a file that is not there"),
        pytest.param((SCHEMA, SCHEMA), id="two schemas"),
        pytest.param(
            (AddFile(file=DataFile(path="x", size_bytes=1, rows=1, partition_values={"p": "1"})),),
            id="partition values of an unpartitioned table",
        ),
        pytest.param(
            (SetSchema(columns=(Column("a", "VARCHAR"),)),), id="another type, files kept"
        ),
        pytest.param(
            (SetSchema(columns=(Column("a", "INTEGER"),), partition_by=("a",)),),
            id="another partitioning, files kept",
        ),
        pytest.param(
            (SetSchema(columns=(Column("a", "INTEGER"),), partition_by=("z",)),),
            id="partitioned by no column",
        ),
    ],
)
def test_a_commit_that_contradicts_itself_or_the_table_is_not_made(
    tmp_path: Path, actions: tuple[Action, ...]
) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")

    with pytest.raises(InternalError) as caught:
        commit(table, make_commit(*actions))

    assert caught.value.code == "commit-invalid"
    assert table.version_or_none() == 0


def test_a_data_file_that_is_not_in_storage_is_not_committed(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")

    with pytest.raises(NotFound):
        commit(table, make_commit(AddFile(file=FILE)))

    assert table.version_or_none() == 0


@pytest.mark.parametrize("path", ["../x.parquet", "/etc/passwd", "a/../../b"])
def test_a_data_file_outside_the_table_is_refused(tmp_path: Path, path: str) -> None:
    table = open_table(tmp_path / "t")

    with pytest.raises(Invalid) as caught:
        commit(table, make_commit(SCHEMA, AddFile(file=DataFile(path=path, size_bytes=1, rows=1))))

    assert caught.value.code == "table-path-invalid"


def test_a_first_commit_without_a_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InternalError):
        commit(open_table(tmp_path / "t"), make_commit(SetTransaction(app_id="a", version=1)))


def test_time_never_goes_backwards_in_the_log(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    clock = clock_at()
    columns, files = write_files(table.root, "select 1 as a")
    commit(table, make_commit(SetSchema(columns=columns), *adding(*files)), clock)
    clock.time = datetime(2020, 1, 1, tzinfo=UTC)

    for _ in range(3):
        commit(table, make_commit(SetTransaction(app_id="a", version=1)), clock)

    times = [entry.timestamp_ms for entry in reversed(table.history())]
    start = int(NOON.timestamp() * 1000)
    assert times == [start, start + 1, start + 2, start + 3]
    assert table.snapshot(at=NOON).version == 0


@pytest.mark.parametrize(
    ("edit", "feature"),
    [
        (lambda p, m: p.update(minWriterVersion=8), "writer version 8"),
        (
            lambda p, m: p.update(
                minReaderVersion=3,
                minWriterVersion=7,
                readerFeatures=[],
                writerFeatures=["rowTracking"],
            ),
            "rowTracking",
        ),
        (
            lambda p, m: (
                p.update(minWriterVersion=4),
                m["configuration"].update({"delta.enableChangeDataFeed": "true"}),
            ),
            "changeDataFeed",
        ),
        (
            lambda p, m: (
                p.update(minWriterVersion=3),
                m["configuration"].update({"delta.constraints.c": "a > 0"}),
            ),
            "checkConstraints",
        ),
    ],
    ids=["future", "row tracking", "change data feed", "constraints"],
)
def test_a_table_whose_writers_must_do_what_we_do_not_is_refused(
    tmp_path: Path, edit: Callable[[dict[str, object], dict[str, object]], object], feature: str
) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    change_entry(table, edit)

    with pytest.raises(Invalid, match=feature) as caught:
        append(open_table(table.root), "select 2 as a")

    assert caught.value.code == "table-feature-unsupported"
    assert open_table(table.root).snapshot().rows == 1


def test_rows_of_an_append_only_table_are_not_removed(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1 as a")
    change_entry(table, lambda _, m: m["configuration"].update({"delta.appendOnly": "true"}))  # type: ignore[attr-defined]

    append(open_table(table.root), "select 2 as a")
    with pytest.raises(HeadwaterError, match="appendOnly"):
        create(open_table(table.root), "select 3 as a")


def change_entry(
    table: Table, edit: Callable[[dict[str, object], dict[str, object]], object]
) -> None:
    path = Path(f"{table.root}/{entry_name(0)}")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    protocol = next(line["protocol"] for line in lines if "protocol" in line)
    metadata = next(line["metaData"] for line in lines if "metaData" in line)
    edit(protocol, metadata)
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")


def test_another_writers_commits_and_ours_take_turns(tmp_path: Path) -> None:
    table = open_table(tmp_path / "t")
    create(table, "select 1::bigint as a")
    write_deltalake(table.root, pl.DataFrame({"a": [2]}), mode="append")
    append(table, "select 3::bigint as a")
    DeltaTable(table.root).delete("a = 1")
    append(table, "select 4::bigint as a")

    assert sorted(pl.read_delta(table.root)["a"].to_list()) == [2, 3, 4]
    assert table.snapshot().rows == 3
    assert [entry.engine_info.split(":")[0] for entry in table.history(5)] == [
        "Headwater", "delta-rs", "Headwater", "delta-rs", "Headwater",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a b", "ü'", "x#y", "q?z", "a=b", "a+b&c", "[x]", "日本", "{y}"])
def test_a_table_with_an_odd_name_is_read_by_others_too(tmp_path: Path, name: str) -> None:
    root = table_root(str(tmp_path), TableName("c", "s", name))
    table = Table(root, open_storage(str(tmp_path)))

    create(table, "select 1 as a")

    assert delta_rs_rows(root, "select a from t") == [(1,)]  # Polars finds no such folder


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a\\b", "a\0", "a\nb", "a%20b"])
def test_a_table_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        table_root("/lake", TableName("c", "s", name))

    assert caught.value.code == "table-path-invalid"


class Interrupted(LocalStorage):
    """A folder on which something else happens once, while a commit flushes its files."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.happens: Callable[[], object] | None = None

    def make_durable(self, paths: Iterable[str]) -> None:
        super().make_durable(paths)
        happens, self.happens = self.happens, None
        if happens is not None:
            with ThreadPoolExecutor(max_workers=1) as pool:
                pool.submit(happens).result()


def test_a_schema_changed_by_another_thread_in_between_is_a_conflict(tmp_path: Path) -> None:
    storage = Interrupted(str(tmp_path))
    table = Table(str(tmp_path), storage)
    create(table, "select 1 as a")
    _, files = write_files(tmp_path, "select 2 as a")

    def widen() -> None:
        columns, _ = write_files(tmp_path, "select 1 as a, 'x' as b")
        commit(open_table(tmp_path), make_commit(SetSchema(columns=columns)))
        table.snapshot()  # the shared table moves on while the first commit is under way

    storage.happens = widen
    with pytest.raises(Conflict) as caught:
        commit(table, make_commit(*adding(*files)))

    assert caught.value.code == "commit-conflict"
    assert table.snapshot().version == 1


def test_a_state_that_a_committer_holds_stays_at_its_version(tmp_path: Path) -> None:
    table = open_table(tmp_path)
    create(table, "select 1 as a")
    held = table.refreshed_or_none()
    assert held is not None

    append(open_table(tmp_path), "select 2 as a")
    newer = table.refreshed_or_none()

    assert newer is not None
    assert (held.version, len(held.files)) == (0, 1)
    assert (newer.version, len(newer.files)) == (1, 2)
