"""Columns of a snapshot's table: those of its query and dbt's own four or five."""

from collections.abc import Mapping

from headwater.base.relations import Column
from headwater.project.node import Node

NAMES = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted")


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
