"""Whatever goes wrong is one of ours: no exception of the driver leaves the engine."""

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from tests.engines.tables import Table, read, rows

from headwater.base.codes import find_code
from headwater.base.diagnostics import diagnostic_of
from headwater.base.errors import (
    DataDamaged,
    Denied,
    HeadwaterError,
    Invalid,
    Unavailable,
    UserCodeError,
)
from headwater.base.relations import Column, TableName
from headwater.engines.duckdb.errors import error_of
from headwater.engines.engine import (
    Destination,
    EmptySource,
    EngineSettings,
    FileSource,
    Session,
    ViewSource,
    WriteAll,
    WriteMerge,
    WritePartitions,
)
from headwater.engines.registry import engine_kinds, open_engine
from headwater.lake.snapshot import DataFile, Snapshot

HOSTILE = (
    "",
    ";",
    "selec 1",
    "select * from nowhere",
    "select cast('x' as integer) as i",
    "select error('boom') as e",
    "select '\ud800' as s",
    "select 1 as i) union all (select 2",
    "select $1 as i",
    "select * from read_parquet('nowhere.parquet')",
    "select * from read_csv('s3://bucket/x.csv')",
    "from 'https://example.com/x.csv'",
    "pragma nonsense",
    "set nonsense = 1",
    "attach '/nowhere/x.db' as y",
    "select 1; select 2; selec 3",
)
GONE = Snapshot(
    root="/nowhere/t",
    table_id="x",
    version=0,
    columns=(Column("i", "INTEGER"),),
    partition_columns=(),
    files=(DataFile(path="gone.parquet", size_bytes=1, rows=1),),
)


def calls(folder: Path, sql: str) -> dict[str, Callable[[Session], object]]:
    destination = Destination(root=str(folder / "t"), prefix="p")
    name = TableName("shop", "main", "t")
    return {
        "bind": lambda session: session.bind(name, ViewSource(sql=sql)),
        "bind file": lambda session: session.bind(name, FileSource(location=f"read_csv({sql})")),
        "bind type": lambda session: session.bind(name, EmptySource(columns=(Column("a", sql),))),
        "describe": lambda session: session.describe(sql),
        "query": lambda session: session.query(sql, rows_max=1),
        "execute": lambda session: session.execute(sql),
        "write": lambda session: session.write(sql, WriteAll(), destination),
        "merge": lambda session: session.write(
            sql, WriteMerge(target=GONE, unique_key=("i",)), destination
        ),
        "partitions": lambda session: session.write(sql, WritePartitions(target=GONE), destination),
        "seed": lambda session: session.write_seed(sql, {"a": sql}, ",", destination),
    }


@pytest.mark.parametrize("sql", HOSTILE)
@pytest.mark.parametrize("method", list(calls(Path(), "")))
def test_nothing_of_the_driver_leaks(
    session: Session, tmp_path: Path, method: str, sql: str
) -> None:
    call = calls(tmp_path, sql)[method]
    error = None
    try:
        call(session)
    except HeadwaterError as ours:
        error = ours

    assert error is None or diagnostic_of(error).what
    assert rows(session, "select 1 as i") == [(1,)]


def test_files_that_are_gone_are_an_error_of_ours(session: Session, tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError):
        read(session, GONE)
    with pytest.raises(HeadwaterError):
        session.write(
            "select 1 as i",
            WriteMerge(target=GONE, unique_key=("i",)),
            Destination(root=str(tmp_path / "t"), prefix="p"),
        )


def test_what_needs_more_memory_than_there_is_says_what_to_do() -> None:
    engine = open_engine(EngineSettings(kind="duckdb", threads=1, memory_limit_bytes=2**28))
    session = engine.open_session(catalog="shop", schema="main")

    with pytest.raises(Unavailable) as caught:
        session.query("select list(md5(i::varchar)) from range(9000000) as t(i)", rows_max=1)

    works_after = rows(session, "select 1 as i")
    engine.close()
    assert caught.value.code == "out-of-memory"
    assert "memory_limit" in caught.value.fix
    assert works_after == [(1,)]


def test_an_interrupted_write_leaves_no_files(table: Table) -> None:
    timer = threading.Timer(0.3, table.session.interrupt)
    timer.start()

    with pytest.raises(Unavailable) as caught:
        table.write("select i, md5(i::varchar) as h from range(300000000) as t(i)")

    timer.join()
    assert caught.value.code == "interrupted"
    assert table.files() == set()


def test_an_interrupt_between_statements_is_not_lost(session: Session) -> None:
    session.interrupt()

    with pytest.raises(Unavailable) as caught:
        session.query("select 1 as i", rows_max=1)

    assert caught.value.code == "interrupted"
    assert rows(session, "select 1 as i") == [(1,)]


def test_a_signal_in_the_running_thread_is_a_cancellation() -> None:
    # What DuckDB raises when Ctrl-C comes while the main thread runs a statement.
    error = error_of(RuntimeError("Query interrupted"), "select 1")

    assert error.code == "interrupted"


def test_closing_the_engine_ends_what_runs() -> None:
    engine = open_engine(EngineSettings(kind="duckdb", threads=1))
    session = engine.open_session(catalog="shop", schema="main")
    caught: list[HeadwaterError] = []

    def work() -> None:
        try:
            session.query("select sum(sqrt(i)) from range(100000000000) as t(i)", rows_max=1)
        except HeadwaterError as error:
            caught.append(error)

    running = threading.Thread(target=work)
    running.start()
    running.join(0.3)
    engine.close()
    running.join(30)

    assert not running.is_alive()
    assert [error.code for error in caught] == ["interrupted"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs needs root: run as root to include it")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_nothing_and_leaves_nothing(session: Session, small_disk: Path) -> None:
    table = Table(session=session, root=small_disk / "t")
    table.write("select 1 as i, 'kept' as s")

    with pytest.raises(Unavailable) as caught:
        table.write("select i, md5(i::varchar) as s from range(1000000) as t(i)")

    assert caught.value.code == "disk-full"
    assert table.rows() == [(1, "kept")]
    assert len(table.files()) == 1


def test_a_full_spill_disk_is_told(small_disk: Path, tmp_path: Path) -> None:
    engine = open_engine(
        EngineSettings(
            kind="duckdb", threads=1, memory_limit_bytes=2**28, temp_directory=str(small_disk)
        )
    )
    session = engine.open_session(catalog="shop", schema="main")

    with pytest.raises(Unavailable) as caught:
        session.write(
            "select hash(i) as h, repeat('-', 120) || i as s from range(3000000) as t(i)"
            " order by h",
            WriteAll(),
            Destination(root=str(tmp_path / "t"), prefix="w"),
        )

    engine.close()
    assert caught.value.code in {"disk-full", "out-of-memory"}


@pytest.mark.parametrize("root", ["/proc/nowhere/t", "/etc/passwd"])
def test_folders_that_cannot_be_written_are_denied(session: Session, root: str) -> None:
    with pytest.raises(Denied) as caught:
        session.write("select 1 as i", WriteAll(), Destination(root=root, prefix="a"))

    assert caught.value.code == "lake-read-only"


def test_the_engines_own_position_becomes_ours(session: Session) -> None:
    with pytest.raises(UserCodeError) as caught:
        session.query("select 'ééé',\n  nowhere + 1\nfrom (select 1 as i)", rows_max=1)

    assert caught.value.where is not None
    assert (caught.value.where.line, caught.value.where.column) == (2, 3)


def test_unknown_engines_get_a_suggestion() -> None:
    with pytest.raises(Invalid) as caught:
        open_engine(EngineSettings(kind="dukdb", threads=1))

    assert caught.value.code == "engine-unknown"
    assert "duckdb" in caught.value.fix
    assert engine_kinds() == ("duckdb",)


@pytest.mark.parametrize("settings", [{"no_such_thing": "1"}, {"threads": "many"}])
def test_settings_that_the_engine_does_not_take_are_named(settings: dict[str, str]) -> None:
    engine = open_engine(EngineSettings(kind="duckdb", threads=1, settings=settings))

    for _ in range(3):  # a failed opening gives its slot back
        with pytest.raises(Invalid) as caught:
            engine.open_session(catalog="shop", schema="main")

    engine.close()
    assert caught.value.code == "engine-setting-invalid"
    assert next(iter(settings)) in caught.value.what


def test_settings_of_the_profile_reach_every_session() -> None:
    engine = open_engine(
        EngineSettings(
            kind="duckdb", threads=1, settings={"TimeZone": "Asia/Tokyo", "memory_limit": "300MB"}
        )
    )

    for _ in range(2):
        session = engine.open_session(catalog="shop", schema="main")
        found = rows(session, "select current_setting('TimeZone'), current_setting('memory_limit')")
        session.close()

    engine.close()
    assert found == [("Asia/Tokyo", "286.1 MiB")]


def test_the_networks_extensions_are_not_fetched(session: Session) -> None:
    wanted = ("autoinstall_known_extensions", "autoload_known_extensions")
    settings = [rows(session, f"select current_setting('{name}')::varchar")[0] for name in wanted]

    assert settings == [("false",), ("false",)]


def test_every_code_that_the_engine_raises_is_explained() -> None:
    source = Path(__file__).parents[2] / "src" / "headwater" / "engines"
    raised = re.compile(
        r"\b(?:Invalid|Unavailable|UserCodeError|InternalError|DataDamaged|Denied)"
        r'\(\s*"([a-z]+(?:-[a-z]+)+)"'
    )

    codes = {code for file in source.rglob("*.py") for code in raised.findall(file.read_text())}

    assert len(codes) > 12
    for code in codes:
        assert find_code(code).explain


def test_a_closed_session_says_so(project_root: Path) -> None:
    settings = EngineSettings(
        kind="duckdb", threads=1, memory_limit_bytes=2**28, project_root=str(project_root)
    )
    engine = open_engine(settings)
    session = engine.open_session(catalog="shop", schema="main")
    session.close()

    with pytest.raises(HeadwaterError) as caught:
        session.query("select 1 as i", rows_max=1)
    engine.close()
    with pytest.raises(HeadwaterError) as closed:
        engine.open_session(catalog="shop", schema="main")

    assert (caught.value.code, closed.value.code) == ("session-closed", "session-closed")


def test_a_failure_inside_of_the_engine_is_told_from_one_of_the_sql() -> None:
    error = error_of(duckdb.InternalException("INTERNAL Error: index out of range"), "select 1")

    assert error.code == "engine-internal"
    assert "index out of range" in error.why


@pytest.mark.parametrize("left", [None, b"", b"PAR1 but no more than this, and no footer at all"])
def test_a_lost_or_damaged_data_file_is_no_fault_of_the_query(
    table: Table, session: Session, left: bytes | None
) -> None:
    table.write("select range as i from range(10)")
    [name] = table.files()
    (table.root / name).unlink()
    if left is not None:
        (table.root / name).write_bytes(left)

    with pytest.raises(DataDamaged) as raised:
        read(session, table.snapshot)

    assert raised.value.code == "data-file-unreadable"
    assert name in raised.value.what


def test_a_file_that_a_query_names_itself_is_the_querys_matter(session: Session) -> None:
    with pytest.raises(UserCodeError) as raised:
        rows(session, "select * from '/nowhere/at/all.parquet'")

    assert raised.value.code == "sql-failed"
