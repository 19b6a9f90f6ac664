"""Reads Delta tables as another tool does: a program for interpreters without Headwater.

``python readers.py READER FOLDER...`` prints one JSON object: for each folder its rows as sorted
texts, or ``{"error": ...}``; and under ``""`` the version of what read them. Spark's jars are
named by ``HEADWATER_DELTA_JARS``, separated by commas.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

Reader = Callable[[str], Iterable[Iterable[Any]]]


def text_of(value: Any) -> str:  # noqa: PLR0911 - one line a type
    """Return a value as text that does not depend on the tool's own types."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float() | Decimal():
            return format(Decimal(str(value)).normalize(), "f")
        case datetime():
            zoned = value.astimezone(timezone.utc) if value.tzinfo else value  # noqa: UP017 - 3.10
            return zoned.replace(tzinfo=None).isoformat(timespec="microseconds")
        case date():
            return value.isoformat()
        case bytes() | bytearray():
            return bytes(value).hex()
        case dict():
            return "{" + ",".join(f"{name}:{text_of(part)}" for name, part in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(text_of(part) for part in value) + "]"
        case _:
            return str(value)


def lines_of(rows: Iterable[Iterable[Any]]) -> list[str]:
    return sorted("|".join(text_of(value) for value in row) for row in rows)


def delta_rs() -> tuple[Reader, str]:
    import deltalake
    from deltalake import DeltaTable, QueryBuilder

    def read(folder: str) -> Iterable[Iterable[Any]]:
        found = QueryBuilder().register("t", DeltaTable(folder)).execute("select * from t")
        for batch in found:
            yield from (row.values() for row in batch.to_struct_array().to_pylist())

    return read, f"deltalake {deltalake.__version__}"


def polars() -> tuple[Reader, str]:
    import polars as pl

    return lambda folder: pl.read_delta(folder).rows(), f"polars {pl.__version__}"


def duckdb() -> tuple[Reader, str]:
    from pathlib import Path

    import duckdb as database
    import duckdb_extension_delta as extension

    connection = database.connect(config={"allow_unsigned_extensions": True})
    (file,) = Path(extension.__file__).parent.rglob("*.duckdb_extension")
    connection.load_extension(str(file))

    def read(folder: str) -> Iterable[Iterable[Any]]:
        return connection.execute("select * from delta_scan(?)", [folder]).fetchall()

    return read, f"duckdb {database.__version__} with its delta extension"


def spark() -> tuple[Reader, str]:
    import pyspark
    from pyspark.sql import Row, SparkSession

    jars = os.environ["HEADWATER_DELTA_JARS"]
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.jars", jars)
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.databricks.delta.snapshotPartitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.driver.memory", "1g")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config(
            "spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"
        )
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")

    def plain(value: Any) -> Any:
        if isinstance(value, Row):
            return {name: plain(part) for name, part in value.asDict().items()}
        return [plain(part) for part in value] if isinstance(value, list) else value

    def read(folder: str) -> Iterable[Iterable[Any]]:
        rows = session.read.format("delta").load(folder).collect()
        return [[plain(value) for value in row] for row in rows]

    name = jars.split(",")[0].rpartition("/")[2].removesuffix(".jar")
    return read, f"pyspark {pyspark.__version__} with {name}"


READERS = {"delta-rs": delta_rs, "polars": polars, "duckdb": duckdb, "spark": spark}


def main(reader: str, folders: list[str]) -> None:
    """Read folders and print what they hold."""
    os.environ["TZ"] = "UTC"
    read, version = READERS[reader]()
    found: dict[str, Any] = {"": version}
    for folder in folders:
        try:
            found[folder] = lines_of(read(folder))
        except Exception as error:  # noqa: BLE001 - whatever a reader says
            found[folder] = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
