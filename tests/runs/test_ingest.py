"""Loading files: each exactly once, whole or not at all, whatever the files are like."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pytest
from tests.runs.world import (
    build,
    close_context,
    merge,
    open_context,
    opened,
    relation,
    rows_of,
    run_steps,
    target,
)

from headwater.base.codes import find_code
from headwater.base.errors import Conflict, Invalid, NotFound
from headwater.base.ids import RunId
from headwater.base.relations import TableName
from headwater.lake.compaction import CLUSTER_TAG
from headwater.lake.table import Table
from headwater.runs import ingest as ingesting
from headwater.runs.append import AppendOptions, appending
from headwater.runs.context import Context
from headwater.runs.incoming import find_files
from headwater.runs.ingest import Asking, FileEnd, Ingested, IngestOptions, ingest_sources
from headwater.runs.leases import live_leases
from headwater.runs.query import find_table
from headwater.runs.upkeep import Keeper

ROOT = Path(__file__).parents[2]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load(context: Context, *sources: Path, **changes: object) -> Ingested:
    asked = str(changes.pop("format", "")) or None
    folder = Path(context.project_root)
    options = IngestOptions(rejects_file=folder / "rejects.jsonl")
    options = replace(options, **changes)  # type: ignore[arg-type] # keyword names are the fields'
    return ingest_sources(context, "t", Asking(tuple(map(str, sources)), asked), options)


def table_of(context: Context) -> Table:
    return context.tables.table(relation("t"))


def types(context: Context) -> dict[str, str]:
    return {column.name: column.type for column in table_of(context).snapshot().columns}


def rejects(context: Context) -> list[dict[str, object]]:
    text = (Path(context.project_root) / "rejects.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_csv_file_makes_a_table_with_types_of_its_values(context: Context, inbox: Path) -> None:
    file = put(
        inbox,
        "a.csv",
        "id,code,amount,day,at,zoned,flag,word,none\n"
        "1,007,1.5,2026-01-31,2026-01-31 10:00:00,2026-01-31T10:00:00Z,true,x,\n"
        '2,010,-2e3,2026-02-01,2026-02-01 10:00,2026-02-01T10:00:00+01:00,FALSE,"a,b",\n',
    )

    done = load(context, file)

    assert types(context) == {
        "id": "BIGINT",
        "code": "VARCHAR",
        "amount": "DOUBLE",
        "day": "DATE",
        "at": "TIMESTAMP",
        "zoned": "TIMESTAMP WITH TIME ZONE",
        "flag": "BOOLEAN",
        "word": "VARCHAR",
        "none": "VARCHAR",
    }
    assert (done.rows, done.version, done.exit_code) == (2, 0, 0)
    why = {column.name: column.why for column in done.columns}
    assert why["id"] == "all 2 values are BIGINT"
    assert why["code"] == "text: numbers with zeros in front, or with too many digits"
    assert rows_of(context, "t")[1][:3] == (2, "010", -2000.0)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bom.csv", "\ufeffid,word\n1,é\n".encode()),
        ("utf16.csv", "id,word\n1,é\n".encode("utf-16")),
        ("semicolon.csv", "id;word\n1;é\n".encode()),
        ("tab.tsv", "id\tword\n1\té\n".encode()),
        ("windows.csv", "id,word\r\n1,é\r\n".encode()),
        ("quoted.csv", '"id","word"\n"1","é"\n'.encode()),
        ("no-newline.csv", "id,word\n1,é".encode()),
        ("lines.jsonl", '{"id": 1, "word": "é"}\n'.encode()),
        ("array.json", '[{"id": 1, "word": "é"}]'.encode()),
        ("escaped.json", b'{"id": 1, "word": "\\u00e9"}'),
    ],
)
def test_files_say_the_same_in_many_ways(
    context: Context, inbox: Path, name: str, data: bytes
) -> None:
    done = load(context, put(inbox, name, data))

    assert (done.exit_code, rows_of(context, "t")) == (0, [(1, "é")])
    assert types(context) == {"id": "BIGINT", "word": "VARCHAR"}


def test_other_encodings_are_read_when_they_are_named(context: Context, inbox: Path) -> None:
    file = put(inbox, "a.csv", "id,word\n1,é\n2,b\n".encode("latin-1"))

    refused = load(context, file)
    done = load(context, file, encoding="latin-1")

    assert "encoded" in refused.files[0].message or "unicode" in refused.files[0].message
    assert (done.exit_code, rows_of(context, "t")) == (0, [(1, "é"), (2, "b")])


def test_parquet_and_packed_files_are_read(context: Context, inbox: Path) -> None:
    import gzip

    pl.DataFrame({"id": [1], "word": ["a"]}).write_parquet(inbox / "a.parquet")
    put(inbox, "b.csv.gz", gzip.compress(b"id,word\n2,b\n"))

    done = load(context, inbox)

    assert (done.rows, rows_of(context, "t")) == (2, [(1, "a"), (2, "b")])


def test_nested_json_keeps_its_shape(context: Context, inbox: Path) -> None:
    load(context, put(inbox, "a.jsonl", '{"id": 1, "n": {"x": 1, "y": ["a"]}}\n{"id": 2}\n'))

    assert types(context)["n"] == 'STRUCT("x" BIGINT, "y" VARCHAR[])'
    assert rows_of(context, "t") == [(1, {"x": 1, "y": ["a"]}), (2, None)]


def test_values_that_are_missing_say_nothing_of_a_type(context: Context, inbox: Path) -> None:
    load(context, put(inbox, "a.csv", "id,day,n\n1,,2.5\n2,2026-01-31,\n"))

    assert types(context) == {"id": "BIGINT", "day": "DATE", "n": "DOUBLE"}


def test_types_follow_from_every_value_not_from_the_first(context: Context, inbox: Path) -> None:
    rows = [f"{i},{i},," for i in range(3000)] + ["3000,x,2026-01-31,", "3001,1.5,2026-02-01,"]
    load(context, put(inbox, "a.csv", "\n".join(["id,late,empty_first,none", *rows])))

    assert types(context) == {
        "id": "BIGINT",
        "late": "VARCHAR",
        "empty_first": "DATE",
        "none": "VARCHAR",
    }


def test_loading_again_does_nothing(context: Context, inbox: Path) -> None:
    file = put(inbox, "a.csv", "id\n1\n")
    load(context, file)
    put(inbox, "copy.csv", "id\n1\n")
    put(inbox, "new.csv", "id\n2\n")

    done = load(context, inbox)

    assert [(end.file, end.status) for end in done.files] == [
        ("a.csv", "known"),
        ("copy.csv", "known"),
        ("new.csv", "loaded"),
    ]
    assert rows_of(context, "t") == [(1,), (2,)]
    assert load(context, inbox).version is None


def test_many_files_are_one_commit(context: Context, inbox: Path) -> None:
    for number in range(5):
        put(inbox, f"{number}.csv", f"id\n{number}\n")

    done = load(context, inbox)

    assert (done.version, len(table_of(context).snapshot().transactions)) == (0, 5)
    entry = table_of(context).history(1)[0]
    assert entry.headwater["files"] == [f"{number}.csv" for number in range(5)]
    assert [run.command for run in context.metastore.list_runs()] == ["ingest"]
    assert pl.read_delta(table_of(context).root).height == 5


def test_a_file_with_bad_rows_is_refused_whole_and_says_why(context: Context, inbox: Path) -> None:
    load(context, put(inbox, "good.csv", "id,n\n1,1\n"))
    file = put(inbox, "bad.csv", "id,n\n2,2\n3,oops\n4\n5,5,5\n6,1.5\n")

    done = load(context, file)

    assert (done.exit_code, done.version) == (1, None)
    assert rows_of(context, "t") == [(1, 1)]
    assert "4 bad rows, allowed are 0" in done.files[0].message
    found = rejects(context)
    assert sorted(str(row["line"]) for row in found) == ["4", "5", "None", "None"]
    assert {row["file"] for row in found} == {"bad.csv"}
    reasons = " ".join(str(row["reason"]) for row in found)
    assert "`n` is BIGINT, which cannot hold oops" in reasons
    assert "cannot hold 1.5" in reasons


def test_good_rows_are_loaded_when_bad_ones_are_allowed(context: Context, inbox: Path) -> None:
    load(context, put(inbox, "good.csv", "id,n\n1,1\n"))
    file = put(inbox, "bad.csv", "id,n\n2,2\n3,oops\n4\n")

    refused = load(context, file, rejects_max=1)
    done = load(context, file, rejects_max=2)

    assert (refused.exit_code, done.exit_code) == (1, 0)
    assert (done.rows, done.rejected_rows, len(rejects(context))) == (1, 2, 2)
    assert rows_of(context, "t") == [(1, 1), (2, 2)]


def test_one_bad_file_does_not_hold_up_the_others(context: Context, inbox: Path) -> None:
    put(inbox, "a.csv", "id\n1\n")
    put(inbox, "b.csv", "id,id\n1,2\n")
    put(inbox, "c.parquet", b"PAR1 is not enough")
    put(inbox, "d.csv", "")
    put(inbox, "e.json", '{"id": 7')
    put(inbox, "f.csv", "id\n2\n")

    done = load(context, inbox)

    assert [end.status for end in done.files] == ["loaded", *["refused"] * 4, "loaded"]
    assert (done.exit_code, rows_of(context, "t")) == (1, [(1,), (2,)])
    codes = [end.code for end in done.files]
    assert codes == ["", "HW6024", "HW6023", "HW6024", "HW6023", ""]
    assert all(end.message for end in done.files if end.status == "refused")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("BIGINT", "12", "12.5"),
        ("BIGINT", "-9223372036854775808", "9223372036854775808"),
        ("SMALLINT", "+7", "40000"),
        ("DECIMAL(5,2)", "1.50", "1.505"),
        ("DECIMAL(5,2)", "-999.990", "1000"),
        ("DATE", "2026-02-28", "2026-02-28 10:00:00"),
        ("DATE", "2026-02-28", "2026-02-30"),
        ("TIMESTAMP", "2026-02-28 10:00:00", "2026-02-28 10:00:00+01:00"),
        ("BOOLEAN", "true", "maybe"),
    ],
)
def test_values_that_would_be_changed_are_bad(
    context: Context, inbox: Path, kind: str, good: str, bad: str
) -> None:
    load(context, put(inbox, "good.csv", f"id,v\n1,{good}\n"), types={"v": kind})

    done = load(context, put(inbox, "bad.csv", f"id,v\n2,{bad}\n3,{good}\n"), rejects_max=None)

    assert (types(context)["v"], done.rows, done.rejected_rows) == (kind, 1, 1)
    assert [row[0] for row in rows_of(context, "t")] == [1, 3]


def test_typed_files_do_not_round_either(context: Context, inbox: Path) -> None:
    load(context, put(inbox, "a.csv", "id,n\n1,1\n"))

    done = load(
        context, put(inbox, "b.jsonl", '{"id": 2, "n": 2.5}\n{"id": 3, "n": 3.0}\n'),
        rejects_max=None,
    )  # fmt: skip

    assert (done.rows, done.rejected_rows) == (1, 1)
    assert rows_of(context, "t") == [(1, 1), (3, 3)]


def test_new_columns_are_added_and_missing_ones_are_null(context: Context, inbox: Path) -> None:
    load(context, put(inbox, "a.csv", "id,a\n1,x\n"))
    done = load(context, put(inbox, "b.csv", "B,ID\n2026-01-01,2\n"))

    assert types(context) == {"id": "BIGINT", "a": "VARCHAR", "B": "DATE"}
    assert [row[:2] for row in rows_of(context, "t")] == [(1, "x"), (2, None)]
    assert done.exit_code == 0


def test_new_columns_can_be_refused(context: Context, inbox: Path) -> None:
    load(context, put(inbox, "a.csv", "id,a\n1,x\n"))

    done = load(context, put(inbox, "b.csv", "id,aa\n2,y\n"), adds_columns=False)

    assert (done.exit_code, done.files[0].status) == (1, "refused")
    assert ("aa" in done.files[0].message, done.files[0].code) == (True, "HW6025")
    assert types(context) == {"id": "BIGINT", "a": "VARCHAR"}


def test_a_dry_run_writes_nothing(context: Context, inbox: Path) -> None:
    put(inbox, "a.csv", "id\n1\n")
    put(inbox, "same.csv", "id\n1\n")
    put(inbox, "b.csv", "id,x\n2,y\n")

    done = load(context, inbox, dry_run=True)

    assert [end.status for end in done.files] == ["would load", "would load", "known"]
    assert (done.rows, [column.name for column in done.columns]) == (2, ["id", "x"])
    assert not (Path(context.project_root) / "lake").exists()
    assert context.metastore.list_runs() == ()


def test_lines_longer_than_the_limit_are_bad_rows(context: Context, inbox: Path) -> None:
    file = put(inbox, "a.csv", "id,w\n1," + "x" * 20_000_000 + "\n2,b\n3," + "y" * 3_000_000 + "\n")

    done = load(context, file, rejects_max=1)

    assert (done.rows, done.rejected_rows) == (2, 1)
    assert [(row[0], len(str(row[1]))) for row in rows_of(context, "t")] == [(2, 1), (3, 3_000_000)]


def test_an_open_quote_swallows_no_rows_in_silence(context: Context, inbox: Path) -> None:
    done = load(context, put(inbox, "a.csv", 'id,w\n1,"abc\n2,b\n'))

    assert (done.exit_code, done.files[0].status) == (1, "refused")


def test_hidden_and_foreign_files_of_a_folder_are_left_alone(context: Context, inbox: Path) -> None:
    for name in (".a.csv", "_b.csv", "_delta_log/c.json", "readme.md", ".git/d.csv"):
        put(inbox, name, "id\n9\n")
    put(inbox, "sub/e.csv", "id\n1\n")

    done = load(context, inbox)

    assert [end.file for end in done.files] == ["sub/e.csv"]


def test_what_is_not_there_or_not_known_is_named(context: Context, inbox: Path) -> None:
    with pytest.raises(NotFound):
        load(context, inbox / "nope.csv")
    with pytest.raises(Invalid) as caught:
        load(context, put(inbox, "a.xlsx", "id\n1\n"))

    assert caught.value.code == "file-format-unknown"
    assert load(context, inbox / "a.xlsx", format="csv").rows == 1


def test_many_loads_cannot_make_the_files_explode(
    context: Context, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingesting, "SMALL_FILES_MAX", 8)
    monkeypatch.setattr(ingesting, "BATCH_FILES", 5)
    for number in range(40):
        put(inbox, f"{number:02}.csv", f"id\n{number}\n")

    done = load(context, inbox)

    assert done.compacted > 0
    assert len(table_of(context).snapshot().files) <= 13
    assert [row[0] for row in rows_of(context, "t")] == list(range(40))
    assert load(context, inbox).version is None


def test_two_loads_at_once_load_everything_once(tmp_path: Path, inbox: Path) -> None:
    for number in range(30):
        put(inbox, f"{number:02}.csv", f"id,n{number % 3}\n{number},1\n")
    worlds = [open_context(tmp_path) for _ in range(3)]

    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(lambda world: load(world, inbox), worlds))

    assert all(end.exit_code == 0 for end in ends)
    assert sum(end.rows for end in ends) == 30
    assert [row[0] for row in rows_of(worlds[0], "t")] == list(range(30))
    root = Path(table_of(worlds[0]).root)
    named = {file.path for file in table_of(worlds[0]).snapshot().files}
    assert {str(path.relative_to(root)) for path in root.rglob("*.parquet")} >= named
    for world in worlds:
        close_context(world)


DRIVER = """
import sys
from pathlib import Path
from tests.runs.world import open_context
from tests.runs.test_ingest import load
from headwater.runs import ingest
ingest.BATCH_FILES = 2
context = open_context(Path(sys.argv[1]))
load(context, Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_load_killed_at_any_time_is_finished_by_the_next(tmp_path: Path, inbox: Path) -> None:
    for number in range(60):
        put(inbox, f"{number:02}.csv", f"id\n{number}\n")
    kills = 0
    for wait in (0.05, 0.15, 0.3):
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(tmp_path), str(inbox)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": f"src{os.pathsep}."},
        )
        log = tmp_path / "lake" / "shop" / "main" / "t" / "_delta_log"
        before = len(list(log.glob("*.json"))) if log.exists() else 0
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if log.exists() and len(list(log.glob("*.json"))) > before:
                break
            time.sleep(0.01)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += process.returncode == -signal.SIGKILL

    context = open_context(tmp_path)
    done = load(context, inbox)

    assert kills
    assert done.exit_code == 0
    assert [row[0] for row in rows_of(context, "t")] == list(range(60))
    close_context(context)


def test_a_file_that_changes_while_it_is_read_is_refused(context: Context, inbox: Path) -> None:
    file = put(inbox, "a.csv", "id\n1\n")
    [found] = find_files((file,), None)
    put(inbox, "a.csv", "id\n1\n2\n")
    options = IngestOptions(rejects_file=inbox / "r.jsonl")

    done = ingesting.ingest(context, relation("t"), [found], options)

    assert (done.exit_code, done.version) == (1, None)
    assert "changed while it was read" in done.files[0].message


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("name", ["a.arrow", "a"], ids=["named", "unnamed"])
def test_files_and_streams_of_arrow_are_read(
    context: Context, inbox: Path, kind: str, name: str
) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pip install 'headwater[arrow]'")
    table = arrow.table({"id": [1, 2], "word": arrow.array(["a", "b"]).dictionary_encode()})
    make = arrow.ipc.new_file if kind == "file" else arrow.ipc.new_stream
    with make(inbox / name, table.schema) as writer:
        writer.write_table(table)

    done = load(context, inbox / name)
    again = load(context, inbox / name)

    assert (done.exit_code, done.rows, rows_of(context, "t")) == (0, 2, [(1, "a"), (2, "b")])
    assert [end.status for end in again.files] == ["known"]


@pytest.mark.slow
def test_arrow_that_is_cut_short_is_refused(context: Context, inbox: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pip install 'headwater[arrow]'")
    table = arrow.table({"id": list(range(1000))})
    with arrow.ipc.new_file(inbox / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    whole = (inbox / "a.arrow").read_bytes()
    for number, cut in enumerate((0, 3, 8, 100, len(whole) - 9)):
        (inbox / f"b{number}.arrow").write_bytes(whole[:cut])

    done = load(context, *sorted(inbox.glob("b*.arrow")))

    assert {end.code for end in done.files} == {"HW6024"} or all(
        end.status == "refused" for end in done.files
    )
    assert table_of(context).snapshot_or_none() is None


@pytest.mark.slow
def test_arrow_with_anything_after_its_stream_is_refused(context: Context, inbox: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pip install 'headwater[arrow]'")
    table = arrow.table({"id": [1, 2]})
    with arrow.ipc.new_stream(inbox / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    whole = (inbox / "a.arrow").read_bytes()
    twice = put(inbox, "twice.arrow", whole + whole)
    dirty = put(inbox, "dirty.arrow", whole + b"garbage")

    done = load(context, twice, dirty)

    assert [end.status for end in done.files] == ["refused", "refused"]
    assert "more than one stream" in done.files[0].message
    assert table_of(context).snapshot_or_none() is None


def test_arrow_without_pyarrow_says_what_to_install(
    context: Context, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    done = load(context, put(inbox, "a.arrow", b"ARROW1"))

    assert (done.exit_code, done.files[0].code) == (1, find_code("extra-missing").number)


def test_a_table_that_is_made_is_partitioned_as_asked(context: Context, inbox: Path) -> None:
    put(inbox, "a.csv", "id,Day\n1,2026-01-01\n2,2026-01-02\n3,2026-01-02\n")

    load(context, inbox / "a.csv", partition_by=("day",))
    load(context, put(inbox, "b.csv", "id,day\n4,2026-01-02\n"))

    snapshot = table_of(context).snapshot()
    assert snapshot.partition_columns == ("Day",)
    assert sorted(str(file.partition_values["Day"]) for file in snapshot.files) == [
        "2026-01-01",
        "2026-01-02",
        "2026-01-02",
    ]
    with pytest.raises(Invalid) as error:
        load(context, put(inbox, "c.csv", "id\n5\n"), partition_by=("id",))
    assert error.value.code == "ingest-partitions"


def test_a_partition_column_that_a_file_lacks_refuses_it(context: Context, inbox: Path) -> None:
    done = load(context, put(inbox, "a.csv", "id\n1\n"), partition_by=("day",))

    assert (done.exit_code, table_of(context).snapshot_or_none()) == (1, None)


def test_a_load_has_a_record_while_it_runs(context: Context, inbox: Path) -> None:
    seen: list[object] = []

    def look(_end: FileEnd) -> None:
        seen.append([run.command for run in context.metastore.list_runs(status="running")])
        seen.append([lease.command for lease in live_leases(context)])

    file = put(inbox, "a.csv", "id\n1\n")
    options = IngestOptions(rejects_file=inbox / "rejects.jsonl")
    ingest_sources(context, "t", Asking((str(file),)), options, look)

    assert seen == [["ingest"], ["ingest"]]
    assert [run.status for run in context.metastore.list_runs()] == ["success"]
    assert live_leases(context) == ()


@pytest.mark.parametrize("kind", ["json", "parquet", "arrow", "csv"])
def test_columns_that_differ_in_case_alone_are_refused(
    context: Context, inbox: Path, kind: str
) -> None:
    path = inbox / f"a.{kind}"
    match kind:
        case "json":
            put(inbox, path.name, '{"id": 1, "ID": 2}')
        case "csv":
            put(inbox, path.name, "id,ID\n1,2\n")
        case "parquet":
            pl.DataFrame({"id": [1], "ID": [2]}).write_parquet(path)
        case _:
            pytest.importorskip("pyarrow")
            pl.DataFrame({"id": [1], "ID": [2]}).write_ipc(path)

    (end,) = load(context, path).files

    assert end.status == "refused"
    assert end.code == find_code("ingest-header").number
    assert table_of(context).version_or_none() is None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'"id"x,b\n1,2\n3,4\n', "ingest-header"),
        (b'"id,b\n1,2\n3,4\n', "ingest-header"),
        (b"id,b\r1,2\r3,4\r", "ingest-header"),
        (b"x" * 200_000 + b",b\n1,2\n", "ingest-header"),
        ("straße,b\n1,2\n".encode("latin-1"), "ingest-unreadable"),
        (gzip.compress(b"id,b\n1,2\n"), "ingest-unreadable"),
    ],
    ids=["after a quote", "an open quote", "carriage returns", "long", "latin-1", "packed"],
)
def test_a_first_line_that_is_none_is_refused_and_never_swallows_rows(
    context: Context, inbox: Path, content: bytes, code: str
) -> None:
    (end,) = load(context, put(inbox, "a.csv", content)).files

    assert (end.status, end.code) == ("refused", find_code(code).number)


@pytest.mark.parametrize("header", ['"a;b;c",d', '"a|b" ,"c"', "a\x85b;c;d,"])
def test_delimiters_are_found_outside_of_quotes_in_the_whole_first_line(
    context: Context, inbox: Path, header: str
) -> None:
    delimiter = ";" if "\x85" in header else ","
    row = delimiter.join("1" * (3 if "\x85" in header else 2))

    done = load(context, put(inbox, "a.csv", f"{header}\n{row}\n"))

    assert (done.exit_code, done.rows) == (0, 1)


def test_a_name_that_only_looks_made_up_is_kept(context: Context, inbox: Path) -> None:
    first = put(inbox, "a.json", '{"id": 1, "id_1": 2}')
    second = inbox / "b.parquet"
    pl.DataFrame({"id": [3], "id_1": [4]}).write_parquet(second)

    ends = load(context, first, second).files

    assert [end.status for end in ends] == ["loaded", "loaded"]
    assert sorted(rows_of(context, "t")) == [(1, 2), (3, 4)]


def test_a_dry_run_says_where_columns_come_from_after_the_first_file(
    context: Context, inbox: Path
) -> None:
    put(inbox, "a.json", '{"id": 1}')
    put(inbox, "b.json", '{"id": 2, "note": "x"}')

    done = load(context, inbox, dry_run=True)

    why = {column.name: column.why for column in done.columns}
    assert why == {"id": "BIGINT in the file", "note": "VARCHAR in the file"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('landing."my ""odd"" table"', ("shop", "landing", 'my "odd" table')),
        ('"a.b"', ("shop", "main", "a.b")),
        ("a b", ("shop", "main", "a b")),
    ],
)
def test_quotes_in_a_name_mean_what_they_mean_in_sql(
    context: Context, inbox: Path, text: str, parts: tuple[str, str, str]
) -> None:
    options = IngestOptions(rejects_file=inbox / "rejects.jsonl")
    path = put(inbox, "a.json", '{"id": 1}')

    done = ingest_sources(context, text, Asking((str(path),)), options)

    assert done.table == str(TableName(*parts))
    assert find_table(context, text) == TableName(*parts)


@pytest.mark.parametrize("text", ['landing.my "odd" table', '"open', "a..b", '""', "a.b.c.d", ""])
def test_what_is_no_name_is_refused(context: Context, inbox: Path, text: str) -> None:
    options = IngestOptions(rejects_file=inbox / "rejects.jsonl")
    path = put(inbox, "a.json", '{"id": 1}')

    with pytest.raises(Invalid) as error:
        ingest_sources(context, text, Asking((str(path),)), options)

    assert error.value.code == "ingest-target"


def test_a_wider_column_is_refused_and_the_way_is_said(context: Context, inbox: Path) -> None:
    first, second = inbox / "a.parquet", inbox / "b.parquet"
    pl.DataFrame({"id": [1]}, schema={"id": pl.Int32}).write_parquet(first)
    pl.DataFrame({"id": [2**40]}, schema={"id": pl.Int64}).write_parquet(second)

    ends = load(context, first, second).files

    assert [end.status for end in ends] == ["loaded", "refused"]
    assert "--widen makes `id` BIGINT" in ends[1].message


@pytest.mark.parametrize(
    ("old", "new", "kind", "rows"),
    [
        (pl.Series([1, None], dtype=pl.Int32), pl.Series([2**40]), "BIGINT", [1, 2**40, None]),
        (pl.Series([1.5], dtype=pl.Float32), pl.Series([0.1]), "DOUBLE", [0.1, 1.5]),
        (pl.Series([3], dtype=pl.Int16), pl.Series([0.5]), "DOUBLE", [0.5, 3.0]),
        (
            pl.Series([date(2026, 1, 2)]),
            pl.Series([datetime(2026, 1, 2, 3, 4)]),  # noqa: DTZ001 - without a zone
            "TIMESTAMP",
            [datetime(2026, 1, 2), datetime(2026, 1, 2, 3, 4)],  # noqa: DTZ001
        ),
        (
            pl.Series([Decimal("1.25")], dtype=pl.Decimal(5, 2)),
            pl.Series([Decimal("12345.6789")], dtype=pl.Decimal(9, 4)),
            "DECIMAL(9,4)",
            [Decimal("1.2500"), Decimal("12345.6789")],
        ),
    ],
    ids=["integer", "float", "integer to double", "date", "decimal"],
)
def test_a_column_is_widened_when_asked_and_old_rows_are_as_they_were(
    context: Context, inbox: Path, old: pl.Series, new: pl.Series, kind: str, rows: list[object]
) -> None:
    first, second = inbox / "a.parquet", inbox / "b.parquet"
    pl.DataFrame({"v": old}).write_parquet(first)
    pl.DataFrame({"v": new}).write_parquet(second)
    before = load(context, first)

    done = load(context, second, widens=True)

    assert (done.version, done.rewritten, len(done.widened)) == (1, 1, 1)
    assert types(context) == {"v": kind}
    assert sorted((row[0] for row in rows_of(context, "t")), key=str) == sorted(rows, key=str)
    read = pl.read_delta(table_of(context).root)["v"].to_list()
    assert sorted(read, key=str) == sorted(rows, key=str)
    assert table_of(context).snapshot(before.version).columns[0].type != kind
    assert "typeWidening" not in table_of(context).snapshot().features


def test_a_batch_is_written_for_the_widest_of_its_files(context: Context, inbox: Path) -> None:
    put(inbox, "a.csv", "id,at\n1,2026-01-01\n")
    put(inbox, "b.csv", "id,at\n1.5,2026-01-01 10:00:00\n")
    load(context, put(inbox.parent, "first.csv", "id,at\n7,2026-01-01\n"), types={"id": "INTEGER"})

    dry = load(context, inbox, widens=True, dry_run=True)
    done = load(context, inbox, widens=True)

    assert [end.status for end in done.files] == ["loaded", "loaded"]
    assert types(context) == {"id": "DOUBLE", "at": "TIMESTAMP"}
    assert sorted(str(row[0]) for row in rows_of(context, "t")) == ["1.0", "1.5", "7.0"]
    assert {column.name: column.type for column in dry.columns} == types(context)
    assert "widened from INTEGER" in dry.columns[0].why
    assert len(table_of(context).history()) == 2


def test_a_table_that_is_made_has_the_widest_type_of_the_first_batch(
    context: Context, inbox: Path
) -> None:
    pl.DataFrame({"id": [1]}, schema={"id": pl.Int32}).write_parquet(inbox / "a.parquet")
    pl.DataFrame({"id": [2**40]}, schema={"id": pl.Int64}).write_parquet(inbox / "b.parquet")

    done = load(context, inbox, widens=True)

    assert (done.version, done.rewritten, types(context)) == (0, 0, {"id": "BIGINT"})
    assert sorted(rows_of(context, "t")) == [(1,), (2**40,)]


def test_what_no_type_holds_exactly_is_not_widened(context: Context, inbox: Path) -> None:
    load(context, put(inbox, "a.json", '{"id": 9007199254740993}'))

    text, real = put(inbox, "b.json", '{"id": "x"}'), put(inbox, "c.json", '{"id": 0.5}')
    done = load(context, text, real, widens=True)

    assert [end.status for end in done.files] == ["refused", "refused"]
    assert (types(context), done.widened) == ({"id": "BIGINT"}, ())


def test_partitions_and_clustering_stay_when_a_column_is_widened(
    context: Context, inbox: Path
) -> None:
    first, second = inbox / "a.parquet", inbox / "b.parquet"
    frame = {"day": ["x", "y"], "id": [1, 2], "n": [3, 4]}
    kinds = {"day": pl.String, "id": pl.Int32, "n": pl.Int32}
    pl.DataFrame(frame, schema=kinds).write_parquet(first)
    pl.DataFrame({**frame, "id": [2**40, 2**41]}).write_parquet(second)
    load(context, first, partition_by=("day",))
    Keeper(context).optimize("t", cluster_by=("n",))

    load(context, second, widens=True)

    snapshot = table_of(context).snapshot()
    assert snapshot.partition_columns == ("day",)
    clustered = [file for file in snapshot.files if file.tags.get(CLUSTER_TAG) == "n"]
    assert sorted(file.partition_values["day"] or "" for file in clustered) == ["x", "y"]
    assert {row[1] for row in rows_of(context, "t")} == {1, 2, 2**40, 2**41}


def test_hidden_rows_stay_hidden_when_a_column_is_widened(context: Context, inbox: Path) -> None:
    made = build("t", "select i::integer as id, 'a' as s from range(3000) t(i)")
    run_steps(context, made)
    config = MappingProxyType({"merge_mode": "merge_on_read"})
    into = target("t", version=0, materialized="incremental", config=config)
    run_steps(context, merge("t", "select 5 as id, 'new' as s", 0, target=into))
    before = rows_of(context, "t")

    load(
        context,
        put(inbox, "a.json", '{"id": 1099511627776, "s": "big"}'),
        widens=True,
        is_forced=True,
    )

    assert sorted(rows_of(context, "t"), key=str) == sorted([*before, (2**40, "big")], key=str)


def test_a_table_that_a_model_builds_takes_no_other_rows_unless_it_is_meant(
    context: Context, inbox: Path
) -> None:
    run_steps(context, build("t", "select 1 as id"))
    file = put(inbox, "a.csv", "id\n7\n")

    with pytest.raises(Invalid) as caught:
        load(context, file)
    with pytest.raises(Invalid) as appended, appending(context, "t", AppendOptions()):
        pass
    before = rows_of(context, "t")
    load(context, file, is_forced=True)

    assert (caught.value.code, appended.value.code) == ("load-into-model", "load-into-model")
    assert "model.shop.t" in caught.value.what
    assert (before, rows_of(context, "t")) == ([(1,)], [(1,), (7,)])


def test_a_model_of_long_ago_is_not_forgotten_for_runs_of_other_projects(
    context: Context, inbox: Path
) -> None:
    run_steps(context, build("t", "select 1 as id"))
    [ours] = context.metastore.list_runs(limit=1)
    for number in range(60):
        later = f"9999-01-01T00:00:{number:02}+00:00"
        other = replace(ours, run_id=RunId(f"o{number}"), project="other", started_at=later)
        context.metastore.start_run(other)

    with pytest.raises(Invalid) as caught:
        load(context, put(inbox, "a.csv", "id\n7\n"))

    assert caught.value.code == "load-into-model"


def test_a_table_that_hooks_write_to_takes_rows(context: Context, inbox: Path) -> None:
    load(context, put(inbox, "a.csv", "id\n1\n"))
    run_steps(
        context, build("m", "select 1 as id", post_hooks=("insert into shop.main.t values (2)",))
    )

    load(context, put(inbox, "b.csv", "id\n3\n"))

    assert rows_of(context, "t") == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("kind", "text", "is_taken"),
    [
        ("DOUBLE", "1e999", False),
        ("DOUBLE", "-1e999", False),
        ("FLOAT", "1e39", False),
        ("DOUBLE", "inf", True),
        ("DOUBLE", "nan", True),
        ("DOUBLE", "1e300", True),
        ("BIGINT", "007", False),
        ("BIGINT", "-0", True),
        ("BIGINT", "+7", True),
        ("INTEGER", "00", False),
        ("INTEGER", "0", True),
    ],
)
def test_a_value_that_would_not_come_back_is_a_bad_row(
    context: Context, inbox: Path, kind: str, text: str, is_taken: bool
) -> None:
    put(inbox, "a.csv", f"n\n{text}\n")

    done = load(context, inbox / "a.csv", types={"n": kind}, rejects_max=None)

    assert (done.rows, done.rejected_rows) == ((1, 0) if is_taken else (0, 1))
    if not is_taken:
        rejects = (Path(context.project_root) / "rejects.jsonl").read_text(encoding="utf-8")
        assert f"cannot hold {text}" in rejects


def test_numbers_too_large_for_any_type_stay_text(context: Context, inbox: Path) -> None:
    digits = "123456789012345678901234567890,9007199254740993"
    text = f"big,long,mixed,some\n1e999,{digits},1e3\n1,1,1.5,2\n"

    load(context, put(inbox, "a.csv", text))

    assert types(context) == {
        "big": "VARCHAR",
        "long": "VARCHAR",
        "mixed": "VARCHAR",
        "some": "DOUBLE",
    }


def test_whole_numbers_begin_narrow_for_who_can_widen_them(context: Context, inbox: Path) -> None:
    first = put(inbox, "a.csv", "small,large\n1,3000000000\n,\n")
    second = put(inbox, "b.csv", "small,large\n5000000000,1\n")

    done = load(context, first, widens=True)
    begun = types(context)
    load(context, second, widens=True)

    assert begun == {"small": "INTEGER", "large": "BIGINT"}
    assert {column.name: column.why for column in done.columns}["small"] == (
        "all 1 values are INTEGER"
    )
    assert types(context) == {"small": "BIGINT", "large": "BIGINT"}
    assert rows_of(context, "t") == [(1, 3 * 10**9), (5 * 10**9, 1), (None, None)]


def test_a_table_that_is_removed_between_two_commits_of_a_load_is_not_made_anew(
    context: Context, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingesting, "BATCH_FILES", 1)
    for number in range(3):
        put(inbox, f"{number}.json", f'{{"id": {number}}}')
    options = IngestOptions(rejects_file=inbox.parent / "rejects.jsonl")

    def remove(end: FileEnd) -> None:
        if end.version == 1:
            shutil.rmtree(table_of(context).root)

    with pytest.raises(Conflict) as error:
        ingest_sources(context, "t", Asking((str(inbox),)), options, remove)

    assert error.value.code == "load-table-gone"
    assert table_of(context).version_or_none() is None
