"""TPC-DS's data and queries, made by the last DuckDB that has an extension for it.

DuckDB 2.0 has none to install from a package registry; what is made is kept in no repository.
"""

import json
import re
import subprocess
from pathlib import Path

import duckdb
from tests.peer.influences import Subject

from headwater.base.relations import Column, TableName

PACKAGES = ("duckdb==1.5.5", "duckdb-extension-tpcds==1.5.5")
GENERATE = """
import json, sys
import duckdb, duckdb_extension_tpcds
from pathlib import Path
scale, folder = sys.argv[1], Path(sys.argv[2])
found = next(Path(duckdb_extension_tpcds.__file__).parent.rglob("tpcds.duckdb_extension"))
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute(f"LOAD '{found}'")
connection.execute(f"CALL dsdgen(sf={scale})")
for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
    connection.execute(f"COPY {name} TO '{folder / name}.parquet' (FORMAT parquet)")
queries = connection.execute("SELECT query FROM tpcds_queries() ORDER BY query_nr").fetchall()
(folder / "queries.json").write_text(json.dumps([text for (text,) in queries]))
"""

Tables = dict[TableName, tuple[Column, ...]]


def generate(python: Path, scale: str, folder: Path) -> None:
    """Make the data and the queries in a folder, by an interpreter that has ``PACKAGES``."""
    subprocess.run([str(python), "-c", GENERATE, scale, str(folder)], check=True)


def open_tpcds(folder: Path) -> tuple[duckdb.DuckDBPyConnection, Tables, list[Subject]]:
    """Load the data; a query may depend on every column whose name its text has."""
    connection = duckdb.connect(config={"threads": "1"})
    tables: Tables = {}
    for file in sorted(folder.glob("*.parquet")):
        connection.execute(f"create table {file.stem} as from '{file}'")
        described = connection.execute(f"describe {file.stem}").fetchall()
        name = TableName("memory", "main", file.stem)
        tables[name] = tuple(Column(row[0], row[1]) for row in described)
    subjects: list[Subject] = []
    texts = json.loads((folder / "queries.json").read_text(encoding="utf-8"))
    for number, text in enumerate(texts, start=1):
        sql = text.strip().rstrip(";")
        words = _words(sql)
        columns = frozenset(
            (table, column.name.lower())
            for table, own in tables.items()
            for column in own
            if table.name in words and column.name.lower() in words
        )
        subjects.append(Subject(name=f"q{number:02}", sql=sql, columns=columns))
    return connection, tables, subjects


def _words(sql: str) -> set[str]:
    return set(re.findall(r"\w+", sql.lower()))
