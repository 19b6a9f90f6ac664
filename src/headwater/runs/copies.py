"""Clones of tables: a new table with the rows, files and statistics of one version of another.

In a folder a clone takes no space: its files are second names of the original's (hard links), so
that whichever of the two is changed, vacuumed or dropped, the other has its files. Every Delta
reader reads it, which cannot be said of files named by absolute paths in the log.
"""

from headwater.base.errors import Invalid
from headwater.base.ids import RunId
from headwater.base.relations import TableName
from headwater.catalog.names import full_name_or_none
from headwater.catalog.records import TableRecord
from headwater.lake.commit import AddFile, Commit, SetSchema, VersionIs, commit
from headwater.lake.deletion_vectors import vector_path_or_none
from headwater.lake.snapshot import Snapshot
from headwater.lake.table import DROPPED, Table
from headwater.runs.context import Context
from headwater.runs.pins import read_relation_or_none


def clone_name(context: Context, text: str) -> TableName:
    """Return the name of a table to be made.

    Raises:
        Invalid: ``clone-target``, when it is no name, or a table or view has it.
    """
    name = full_name_or_none(text, context.catalog, context.schema)
    if name is None:
        raise Invalid(
            "clone-target",
            f"`{text}` is not the name of a table",
            fix="write name, schema.name or catalog.schema.name",
        )
    # Names are told apart without case in the records, folders of the lake with it.
    is_named = context.metastore.find_relation_or_none(name) is not None
    if is_named or read_relation_or_none(context, name) is not None:
        raise Invalid(
            "clone-target",
            f"there is a table or view `{name}` already",
            why="a clone is a new table; nothing is written over",
            fix="clone into another name",
        )
    return name


def clone(
    context: Context,
    source: Table,
    snapshot: Snapshot,
    name: TableName,
    run_id: RunId,
    *,
    deep: bool,
) -> int:
    """Make a table of a snapshot of another; return its version.

    Args:
        context: The world.
        source: The other table.
        snapshot: The version of it to clone.
        name: The new table, which must not exist.
        run_id: The run.
        deep: Copy the bytes of every file instead of sharing them.

    Raises:
        Invalid: ``storage-unsupported``, where files cannot be shared.
        Conflict: ``commit-conflict``, when another writer makes a table of this name first.
    """
    target = context.tables.table(name)
    vectors = source.vectors(snapshot.version)
    named = {path for vector in vectors.values() if (path := vector_path_or_none(vector))}
    for path in (*(file.path for file in snapshot.files), *sorted(named)):
        target.storage.take(source.storage, path, share=not deep)
    target.storage.make_durable(sorted(named))
    entry = Commit(
        operation="CLONE",
        parameters={
            "source": source.root,
            "sourceVersion": snapshot.version,
            "isShallow": not deep,
        },
        requirements=(VersionIs(version=None),),
        actions=(
            SetSchema(
                columns=snapshot.columns,
                partition_by=snapshot.partition_columns,
                properties={k: v for k, v in snapshot.properties.items() if k != DROPPED},
                description=snapshot.description or None,
                schema_string=snapshot.schema_string,
            ),
            *(AddFile(file=file, vector=vectors.get(file.path)) for file in snapshot.files),
        ),
        headwater={"run_id": run_id, "action": "clone"},
    )
    version = commit(target, entry, context.clock)
    context.metastore.put_relation(
        TableRecord(name=name, location=target.root, run_id=run_id, updated_at=context.now())
    )
    return version
