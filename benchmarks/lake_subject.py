"""One writer at work on one Delta table, as a process of its own: what ``lake_merge.py`` measures.

Run: ``python benchmarks/lake_subject.py SUBJECT FOLDER SOURCE``, where the subject is ``make``,
``fingerprint``, ``hw MODE`` or ``delta-rs MODE``. Nothing is imported that the subject does not
need, so that its memory is its own.
"""

# ruff: noqa: PLC0415 - what a subject imports is a part of its memory
import sys
from pathlib import Path

RUN = "20261121T060200-1f3a9c2e-1-"
FILE_BYTES = 100 * 1024 * 1024
ROW = """
  i::BIGINT AS id, (i % 1000)::INTEGER AS c,
  TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(i) AS at,
  (DATE '2024-01-01' + (i // 400000)::INTEGER) AS day,
  ((i * 7 % 100000) / 100)::DECIMAL(12, 2) AS amount, hash(i) / 1e19 AS x,
  'category ' || (i % 20) AS category, md5(i::VARCHAR) AS code
"""


def make(folder: str, rows: int) -> None:
    """Write the table that is merged into."""
    from headwater.engines.engine import Destination, EngineSettings, WriteAll
    from headwater.engines.registry import open_engine
    from headwater.lake.commit import AddFile, Commit, SetSchema, commit
    from headwater.lake.storage import open_storage
    from headwater.lake.table import Table

    engine = open_engine(EngineSettings(kind="duckdb", threads=2, memory_limit_bytes=2**30))
    session = engine.open_session(catalog="bench", schema="main")
    size = max(1024 * 1024, FILE_BYTES * rows // 20_000_000)
    written = session.write(
        f"SELECT {ROW} FROM range({rows}) r(i) ORDER BY i",
        WriteAll(),
        Destination(root=folder, prefix=RUN, file_bytes=size),
    )
    actions = (
        SetSchema(columns=written.columns),
        *(AddFile(file=file) for file in written.added),
    )
    commit(
        Table(folder, open_storage(folder)),
        Commit(operation="WRITE", requirements=(), actions=actions),
    )
    engine.close()


def merge_with_us(folder: str, source: str, mode: str) -> None:
    """Merge as a build does: stage, write, one commit; ``open`` only opens the table."""
    from headwater.engines.engine import Destination, EngineSettings, WriteMerge
    from headwater.engines.registry import open_engine
    from headwater.lake.commit import Commit, VersionIs, commit
    from headwater.lake.storage import open_storage
    from headwater.lake.table import Table
    from headwater.runs.publish import with_vectors
    from headwater.runs.staged import after_write, difference

    engine = open_engine(EngineSettings(kind="duckdb", threads=2, memory_limit_bytes=2**30))
    session = engine.open_session(catalog="bench", schema="main")
    table = Table(folder, open_storage(folder))
    snapshot = table.snapshot()
    if mode == "open":
        engine.close()
        return
    prefix = RUN.replace("-1-", "-2-")
    written = session.write(
        f"SELECT * FROM read_parquet('{source}')",
        WriteMerge(target=snapshot, unique_key=("id",), files=mode),  # type: ignore[arg-type]
        Destination(root=folder, prefix=prefix),
    )
    changes = difference(snapshot, after_write(snapshot, written))
    actions = with_vectors(table, changes, prefix)
    requirement = VersionIs(version=snapshot.version)
    commit(table, Commit(operation="MERGE", requirements=(requirement,), actions=actions))
    engine.close()


def merge_with_delta_rs(folder: str, source: str, how: str) -> None:
    """Merge with delta-rs; ``open`` only opens the table."""
    import pyarrow.parquet as pq
    from deltalake import DeltaTable

    table = DeltaTable(folder)
    if how == "open":
        return
    (
        table.merge(
            pq.read_table(source),
            predicate="t.id = s.id",
            source_alias="s",
            target_alias="t",
            streamed_exec=how == "streamed",
        )
        .when_matched_update_all()
        .when_not_matched_insert_all()
        .execute()
    )


def fingerprint(folder: str) -> str:
    """Return what the rows of a table add up to, as Polars reads them."""
    import polars as pl

    code = pl.col("code").hash(1).sum().alias("codes")
    sums = (pl.len(), pl.col("id").sum(), pl.col("amount").sum(), code)
    return str(pl.scan_delta(folder).select(*sums).collect().row(0))


def main() -> None:
    """Do what the command line says."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
    match sys.argv[1:]:
        case ["make", folder, rows]:
            make(folder, int(rows))
        case ["fingerprint", folder]:
            print(fingerprint(folder))
        case ["hw", mode, folder, source]:
            merge_with_us(folder, source, mode)
        case ["delta-rs", how, folder, source]:
            merge_with_delta_rs(folder, source, how)
        case other:
            raise SystemExit(f"unknown subject: {other}")


if __name__ == "__main__":
    main()
