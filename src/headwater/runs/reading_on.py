"""Who still needs older versions of a table: models with ``refresh`` that have not read all of it.

Such a model reads what changed since the version that it holds, so that files which left the table
after that version are still wanted. Its record says so; that it must be built in full when they are
gone is told, not refused.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headwater.base.codec import decode
from headwater.base.relations import TableName
from headwater.plan.refresh import refresh_mode_or_none
from headwater.plan.state import DeployedNode
from headwater.runs.context import Context

KEPT_FOR = timedelta(days=30)
"""How long after its last build what a model has not read is kept; then it is built in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A model that has not read all of a table.

    Attributes:
        node: Its unique_id.
        version: Version of the table that it holds.
        built_at: ISO 8601 UTC time of its last build.
        is_held: What it needs is kept.
    """

    node: str
    version: int
    built_at: str
    is_held: bool


def read_behind(
    context: Context, name: TableName, newest: int, *, force: bool = False
) -> tuple[Behind, ...]:
    """Return the models with ``refresh`` that hold an older version of a table, by unique_id.

    Args:
        context: The world.
        name: The table.
        newest: Its newest version.
        force: None of them is to be held.
    """
    pairs = {(run.project, run.target) for run in context.metastore.list_runs()}
    found: dict[str, Behind] = {}
    for project, target in sorted(pairs):
        for record in context.metastore.list_nodes(project, target):
            one = _behind_or_none(context, record.document, name, newest)
            if one is not None:
                found[one.node] = one
    return tuple(
        Behind(
            node=one.node,
            version=one.version,
            built_at=one.built_at,
            is_held=one.is_held and not force,
        )
        for _, one in sorted(found.items())
    )


def _behind_or_none(
    context: Context, document: bytes, name: TableName, newest: int
) -> Behind | None:
    try:
        deployed = decode(DeployedNode, document)
    except ValueError:  # garbled, or another release's: the model is built in full then
        return None
    version = deployed.inputs.get(str(name), "")
    is_refreshed = refresh_mode_or_none(deployed.config) not in {None, "full"}
    if not is_refreshed or not version.isdecimal() or int(version) >= newest:
        return None
    age = context.clock.now() - _time(deployed.built_at)
    return Behind(
        node=deployed.node,
        version=int(version),
        built_at=deployed.built_at,
        is_held=age <= KEPT_FOR,
    )


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
