"""A table whose columns are mapped, as Spark makes one: other names and ids in files and log."""

import json
from pathlib import Path
from typing import Literal

import duckdb

from headwater.lake.replay import entry_name

Mode = Literal["name", "id"]

ROWS = """
select i::bigint as "col-1", 'old ' || i as "col-2", case i % 2 when 0 then 'a' else 'b' end as p,
  {'col-5': i::integer, 'col-6': {'col-7': 'deep ' || i}} as "col-4",
  [{'col-9': i::bigint}] as "col-8"
"""
IDS = """{'col-1': 1, 'col-2': 2, 'col-4': {__duckdb_field_id: 4, 'col-5': 5,
  'col-6': {__duckdb_field_id: 6, 'col-7': 7}}, 'col-8': {__duckdb_field_id: 8,
  element: {'col-9': 9}}}"""


def field(name: str, number: int, kind: object) -> dict[str, object]:
    notes = {
        "delta.columnMapping.id": number,
        "delta.columnMapping.physicalName": f"col-{number}",
    }
    return {"name": name, "type": kind, "nullable": True, "metadata": notes}


SCHEMA = {
    "type": "struct",
    "fields": [
        field("id", 1, "long"),
        field("word", 2, "string"),
        field("p", 3, "string"),
        field(
            "nested",
            4,
            {
                "type": "struct",
                "fields": [
                    field("n", 5, "integer"),
                    field("in", 6, {"type": "struct", "fields": [field("w", 7, "string")]}),
                ],
            },
        ),
        field(
            "list",
            8,
            {
                "type": "array",
                "containsNull": True,
                "elementType": {"type": "struct", "fields": [field("m", 9, "long")]},
            },
        ),
    ],
}


def make_mapped(
    root: Path, mode: Mode, *, partition_by: tuple[str, ...] = (), rows: int = 4
) -> None:
    """Write version 0 of a table: ``id``, ``word``, ``p``, ``nested`` and ``list``."""
    root.mkdir(parents=True)
    adds = []
    values = ("a", "b") if partition_by else (None,)
    for value in values:
        path = root / f"part-{value}.parquet"
        where = "" if value is None else f"where p = '{value}'"
        kept = "* exclude (p)" if partition_by else '* exclude (p), p as "col-3"'
        ids = IDS if partition_by else IDS.replace("{", "{'col-3': 3, ", 1)
        sql = f"select {kept} from ({ROWS} from range({rows}) t(i)) {where}"
        with duckdb.connect() as connection:
            connection.execute(f"copy ({sql}) to '{path}' (format parquet, field_ids {ids})")
            found = connection.execute(f"select count(*) from '{path}'").fetchall()
        stats = {"numRecords": found[0][0]}
        adds.append(
            {
                "path": path.name,
                "size": path.stat().st_size,
                "modificationTime": 0,
                "dataChange": True,
                "partitionValues": {} if value is None else {"col-3": value},
                "stats": json.dumps(stats),
            }
        )
    metadata = {
        "id": "7d1c3ae4-0000-4000-8000-000000000001",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps(SCHEMA),
        "partitionColumns": list(partition_by),
        "configuration": {
            "delta.columnMapping.mode": mode,
            "delta.columnMapping.maxColumnId": "12",
        },
        "createdTime": 0,
    }
    lines = [
        {"commitInfo": {"timestamp": 0, "operation": "WRITE", "engineInfo": "Apache-Spark"}},
        {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}},
        {"metaData": metadata},
        *({"add": add} for add in adds),
    ]
    log = root / entry_name(0)
    log.parent.mkdir()
    log.write_text("\n".join(json.dumps(line) for line in lines) + "\n", encoding="utf-8")
