"""Changes of a table's columns that write no file again: another name, or one column less.

Only where columns are mapped: the names in the files stay, and the log says what they are called.
"""

from headwater.base.errors import Invalid
from headwater.lake.commit import SetSchema
from headwater.lake.compaction import CLUSTER_TAG, cluster_columns
from headwater.lake.mapping import renamed_schema, schema_without
from headwater.lake.snapshot import Snapshot
from headwater.lake.types import schema_from_json


def rename_column(snapshot: Snapshot, column: str, into: str) -> SetSchema:
    """Return the change that gives a column another name.

    Raises:
        Invalid: ``columns-not-mapped``, ``alter-column``.
    """
    _check_mapped(snapshot)
    exact = _exact(snapshot, column)
    taken = [each.name.lower() for each in snapshot.columns if each.name != exact]
    if not into.strip() or into.lower() in taken:
        raise _refused(snapshot, f"`{column}` cannot be called `{into}`", "a column has that name")
    return _change(snapshot, renamed_schema(snapshot.schema_string, exact, into), {exact: into})


def drop_column(snapshot: Snapshot, column: str) -> SetSchema:
    """Return the change that takes a column out; older versions keep it.

    Raises:
        Invalid: ``columns-not-mapped``, ``alter-column``.
    """
    _check_mapped(snapshot)
    exact = _exact(snapshot, column)
    left = len(snapshot.columns) - len(snapshot.partition_columns) - 1
    if exact in snapshot.partition_columns or left == 0:
        why = "the table is partitioned by it" if left else "no column would be left in the files"
        raise _refused(snapshot, f"`{column}` cannot be dropped", why)
    return _change(snapshot, schema_without(snapshot.schema_string, exact), {exact: ""})


def _change(snapshot: Snapshot, schema_string: str, names: dict[str, str]) -> SetSchema:
    clustered = [name for old in cluster_columns(snapshot) if (name := names.get(old, old))]
    properties = {CLUSTER_TAG: ",".join(clustered)} if CLUSTER_TAG in snapshot.properties else {}
    return SetSchema(
        columns=schema_from_json(schema_string),
        partition_by=tuple(names.get(name, name) for name in snapshot.partition_columns),
        properties=properties,
        schema_string=schema_string,
    )


def _check_mapped(snapshot: Snapshot) -> None:
    if not snapshot.physical_names:
        raise Invalid(
            "columns-not-mapped",
            f"`{snapshot.root}` keeps its columns under their own names",
            why="its files would have to be written again, which is what building it does",
            fix="give the column its name in the model's query and build it with --full-refresh",
        )


def _exact(snapshot: Snapshot, column: str) -> str:
    for each in snapshot.columns:
        if each.name.lower() == column.lower():
            return each.name
    raise _refused(snapshot, f"`{snapshot.root}` has no column `{column}`", "")


def _refused(snapshot: Snapshot, what: str, why: str) -> Invalid:
    listed = ", ".join(column.name for column in snapshot.columns)
    return Invalid("alter-column", what, why=why, fix=f"its columns are {listed}")
