"""What is known of a snapshot when it is compiled: its table's columns, its project's strategy.

The columns are those of its query and dbt's own four or five.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from headwater.base.relations import Column
from headwater.project.node import Node

HardDeletes = Literal["ignore", "invalidate", "new_record"]

NAMES = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRule:
    """What a project's own strategy says of a snapshot.

    Attributes:
        row_changed: SQL condition over a version ``stored`` and a row ``seen``.
        scd_id: SQL expression over the query's columns that identifies a version.
        updated_at: SQL expression over the query's columns for the time of a version.
        unique_key: Key columns or expressions.
        hard_deletes: What becomes of rows that left the source.
    """

    row_changed: str
    scd_id: str
    updated_at: str
    unique_key: tuple[str, ...]
    hard_deletes: HardDeletes


def hard_deletes_of(config: Mapping[str, object]) -> HardDeletes:
    """Return what becomes of rows that left the source, by a config or by what a macro returned."""
    match config.get("hard_deletes"):
        case "invalidate":
            return "invalidate"
        case "new_record":
            return "new_record"
        case _:
            return "invalidate" if config.get("invalidate_hard_deletes") is True else "ignore"


def stored_columns(node: Node, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns that a snapshot's table has, given those of its query."""
    renamed = node.config.get("snapshot_meta_column_names")
    names = dict(renamed) if isinstance(renamed, Mapping) else {}
    scd_id, updated_at, valid_from, valid_to, is_deleted = (
        str(names.get(name) or name) for name in NAMES
    )
    moment = _type_of(columns, node.config.get("updated_at")) or "TIMESTAMP"
    added = [
        Column(scd_id, "VARCHAR"),
        Column(updated_at, moment),
        Column(valid_from, moment),
        Column(valid_to, moment),
    ]
    if node.config.get("hard_deletes") == "new_record":
        added.append(Column(is_deleted, "VARCHAR"))
    return (*columns, *added)


def _type_of(columns: tuple[Column, ...], name: object) -> str:
    wanted = str(name or "").lower()
    return next((column.type for column in columns if column.name.lower() == wanted), "")
