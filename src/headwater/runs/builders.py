"""Which node of a project builds a table: rows that others load into it would not stay.

Its next build would replace them, or find a table that another has written and build it anew.
"""

from dataclasses import dataclass

from headwater.base.codec import decode
from headwater.base.errors import Invalid
from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.catalog.records import TableRecord
from headwater.runs.context import Context

_APP_PREFIX = "headwater/"
_BUILDERS = ("model.", "seed.", "snapshot.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deployed:
    """The part of a deployed node that says which table is its own."""

    relation: TableName | None = None


def check_not_built(context: Context, name: TableName) -> None:
    """Refuse a table that a model, seed or snapshot builds.

    Raises:
        Invalid: ``load-into-model``.
    """
    node = builder_or_none(context, name)
    if node is not None:
        raise Invalid(
            "load-into-model",
            f"`{name}` is built by `{node}`",
            why="its next build would replace the rows, or find that another has written its table",
            fix="load into a table of its own, and let the model read that; or pass --force "
            "(`is_forced` of an appender)",
        )


def builder_or_none(context: Context, name: TableName) -> str | None:
    """Return the node that builds a table; None when no deployed node does.

    The log says which nodes have written to the table, by hooks too; their records whose it is.
    """
    record = context.metastore.find_relation_or_none(name)
    if not isinstance(record, TableRecord):
        return None
    snapshot = context.tables.at(record.location).snapshot_or_none()
    app_ids = () if snapshot is None else snapshot.transactions
    nodes = (app_id.removeprefix(_APP_PREFIX) for app_id in app_ids)
    writers = {node for node in nodes if node.startswith(_BUILDERS)}
    return next(
        (
            known.node
            for writer in sorted(writers)
            for known in context.metastore.nodes_called(NodeId(writer))
            if _relation_of(known.document) == name
        ),
        None,
    )


def _relation_of(document: bytes) -> TableName | None:
    try:
        return decode(_Deployed, document).relation
    except ValueError:  # garbled, or another release's
        return None
