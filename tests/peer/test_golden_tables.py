"""Tables that Spark and others wrote are read with the expected rows, or refused by what they need.

They come from delta-kernel-rs and delta (DAT): 90 with the rows that their writers read back, and
16 without, which are broken on purpose or name files that were never there.
"""

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peer.public import fetch
from tests.peer.readers import delta_rs, lines_of

from headwater.base.errors import HeadwaterError, Invalid
from headwater.base.relations import TableName
from headwater.engines.engine import Destination, Engine, EngineSettings, FileSource, WriteAll
from headwater.engines.registry import open_engine
from headwater.lake.commit import AddFile, Commit, VersionIs, commit
from headwater.lake.mapping import mapped_or_none
from headwater.lake.snapshot import Snapshot
from headwater.lake.storage import open_storage
from headwater.lake.table import Table

pytestmark = pytest.mark.peer

KERNEL = "kernel/tests/golden_data"
DAT = "kernel/kernel-defaults/src/test/deltalake-dat-v0.0.3.tar.gz"
FOUND, WANTED = TableName("gold", "main", "found"), TableName("gold", "main", "wanted")

REFUSED = {
    # Absolute paths of a machine of the past.
    "canonicalized-paths-normal-a": "table-feature-unsupported",
    "canonicalized-paths-normal-b": "table-feature-unsupported",
    "canonicalized-paths-special-a": "table-feature-unsupported",
    "canonicalized-paths-special-b": "table-feature-unsupported",
    "data-reader-absolute-paths-escaped-chars": "log-damaged",
    # Logs that contradict themselves, on purpose.
    "deltalog-commit-info": "log-damaged",
    "deltalog-invalid-protocol-version": "table-feature-unsupported",
    "deltalog-state-reconstruction-from-checkpoint-missing-metadata": "log-damaged",
    "deltalog-state-reconstruction-from-checkpoint-missing-protocol": "log-damaged",
    "deltalog-state-reconstruction-without-metadata": "log-damaged",
    "deltalog-state-reconstruction-without-protocol": "log-damaged",
    "update-deleted-directory": "log-damaged",
    "versions-not-contiguous": "log-damaged",
    # Logs of files that were never there.
    "checkpoint": "sql-failed",
    "delete-re-add-same-file-different-transactions": "sql-failed",
    "log-replay-special-characters-b": "sql-failed",
}

SAME = 89
"""Tables that have expected rows, and exactly those."""

OTHERWISE = {
    # The timestamp of a partition has no zone; its writer read it as Los Angeles', we as UTC, as
    # delta-rs, Polars and DuckDB's extension do.
    "data-reader-partition-values": (2, 2),
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Fetch the tables; return the folder of each by its name."""
    arrow = pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("golden")
    fetch("delta-io/delta-kernel-rs", folder / "kernel", under=KERNEL)
    fetch("delta-io/delta", folder / "delta", under=DAT)
    for packed in sorted((folder / "kernel" / KERNEL).glob("*.tar.zst")):
        data = arrow.input_stream(str(packed), compression="zstd").read()
        unpack(data, folder / "tables" / packed.name.removesuffix(".tar.zst"))
    if (folder / "delta" / DAT).exists():
        unpack((folder / "delta" / DAT).read_bytes(), folder / "dat")
    found = {f"kernel {path.name}": path for path in sorted((folder / "tables").iterdir())}
    cases = folder / "dat" / "out" / "reader_tests" / "generated"
    return found | {f"dat {path.name}": path for path in sorted(cases.glob("*"))}


def unpack(data: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(folder, filter="data")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    opened = open_engine(EngineSettings(kind="duckdb", threads=2, memory_limit_bytes=2**30))
    yield opened
    opened.close()


def table_in(folder: Path) -> Path | None:
    logs = [path.parent for path in folder.rglob("_delta_log") if path.is_dir()]
    return next(iter(sorted(logs, key=lambda path: len(path.parts))), None)


def expected_of(folder: Path) -> Path | None:
    found = next(iter(sorted(path for path in folder.rglob("expected") if path.is_dir())), None)
    if found is not None and (found / "latest").is_dir():
        return found / "latest"
    return found


def compare(engine: Engine, root: Path, expected: Path | None) -> tuple[int, int]:
    """Read a table; return how many rows it has too much, and how many it lacks."""
    session = engine.open_session(catalog="gold", schema="main")
    try:
        session.bind(FOUND, Table(str(root), open_storage(str(root))).snapshot())
        columns = session.describe(f"select * from {FOUND.quoted()}")
        texts = ", ".join(f'cast("{column.name}" as varchar)' for column in columns)
        found = f"select {texts} from {FOUND.quoted()}"
        if expected is None:
            session.query(f"select count(*) from ({found})", rows_max=1)
            return 0, 0
        session.bind(WANTED, FileSource(location=f"{expected}/**/*.parquet"))
        wanted = f"select {texts} from {WANTED.quoted()}"
        row = session.query(
            f"select (select count(*) from ({found} except all {wanted})),"
            f" (select count(*) from ({wanted} except all {found}))",
            rows_max=1,
        ).rows[0]
        return int(str(row[0])), int(str(row[1]))
    finally:
        session.close()


def test_every_golden_table_reads_as_expected_or_is_refused_by_name(
    tables: dict[str, Path], engine: Engine
) -> None:
    same, refused, otherwise = [], {}, {}
    for name, folder in tables.items():
        root, expected = table_in(folder), expected_of(folder)
        if root is None:
            continue
        short = name.partition(" ")[2]
        try:
            differences = compare(engine, root, expected)
        except HeadwaterError as error:
            refused[short] = error.code
            continue
        if differences == (0, 0):
            same += [short] if expected is not None else []
        else:
            otherwise[short] = differences

    assert refused == REFUSED
    assert otherwise == OTHERWISE
    assert len(same) == SAME


MAPPED = 8
"""Golden tables with mapped columns; rows are added to each of them."""


def test_rows_added_to_mapped_tables_are_read_by_delta_rs(
    tables: dict[str, Path], engine: Engine, tmp_path: Path
) -> None:
    doubled: list[str] = []
    refused: dict[str, str] = {}
    for name, folder in tables.items():
        root = table_in(folder)
        if root is None or not (mapped := mapped_in(root)):
            continue
        copy = tmp_path / name
        shutil.copytree(root, copy)
        try:
            add_own_rows(engine, copy, mapped)
        except Invalid as error:
            refused[name] = error.what
            continue
        read, _ = delta_rs()
        before = lines_of(read(str(root)))
        assert lines_of(read(str(copy))) == sorted([*before, *before]), name
        doubled.append(name)
    assert len(doubled) == MAPPED, doubled
    assert all("icebergCompatV1" in what for what in refused.values()), refused


def mapped_in(root: Path) -> Snapshot | None:
    try:
        snapshot = Table(str(root), open_storage(str(root))).snapshot()
    except HeadwaterError:
        return None
    return snapshot if snapshot.physical_names else None


def add_own_rows(engine: Engine, root: Path, snapshot: Snapshot) -> None:
    table = Table(str(root), open_storage(str(root)))
    current = table.snapshot()
    session = engine.open_session(catalog="gold", schema="main")
    try:
        session.bind(FOUND, current)
        destination = Destination(
            root=str(root),
            prefix="again",
            partition_by=current.partition_columns,
            mapped=mapped_or_none(current),
        )
        written = session.write(f"select * from {FOUND.quoted()}", WriteAll(), destination)
    finally:
        session.close()
    entry = Commit(
        operation="WRITE",
        requirements=(VersionIs(version=snapshot.version),),
        actions=tuple(AddFile(file=file) for file in written.added),
    )
    commit(table, entry)
