"""Asks a project's own snapshot strategy what it says: a macro ``snapshot_<name>_strategy``.

It returns SQL for what has changed and how a version is named; ours need no macros. Asked while
compiling, so that a plan says it and a changed macro is a changed snapshot.
"""

import json
from collections.abc import Mapping

from headwater.base.errors import Invalid
from headwater.graph.snapshots import SnapshotRule, hard_deletes_of
from headwater.project.node import Node
from headwater.project.project import Project
from headwater.project.snapshots import own_strategy_or_none

STORED, SEEN = "stored", "seen"
"""Names under which a strategy compares a version that is stored with a row of the query."""


def strategy_call_or_none(project: Project, node: Node) -> str | None:
    """Return the Jinja that asks the project's macro for a strategy; None when ours is meant."""
    strategy = node.config.get("strategy")
    if node.resource_type != "snapshot" or not isinstance(strategy, str):
        return None
    macro = own_strategy_or_none(project.templates.index, node.package, strategy)
    if macro is None:
        return None
    exists = "load_relation(this) is not none"
    return f"{{{{ tojson({macro}(model, '{STORED}', '{SEEN}', model.config, {exists})) }}}}"


def read_rule(node: Node, text: str) -> SnapshotRule:
    """Read what the macro of a strategy returned, as JSON.

    Raises:
        Invalid: ``snapshot-strategy-malformed``.
    """
    found = json.loads(text)
    said: Mapping[str, object] = found if isinstance(found, dict) else {}
    missing = [name for name in ("row_changed", "scd_id", "updated_at") if not said.get(name)]
    keys = said.get("unique_key")
    if missing or not keys:
        raise Invalid(
            "snapshot-strategy-malformed",
            f"the strategy `{node.config['strategy']}` of snapshot `{node.name}` returns no"
            f" `{(*missing, 'unique_key')[0]}`",
            why="it says in SQL what has changed, and how a version is named",
            fix="return a dict with unique_key, updated_at, row_changed and scd_id",
            where=node.where,
        )
    return SnapshotRule(
        row_changed=str(said["row_changed"]).strip(),
        scd_id=str(said["scd_id"]).strip(),
        updated_at=str(said["updated_at"]).strip(),
        unique_key=tuple(map(str, keys)) if isinstance(keys, list) else (str(keys),),
        hard_deletes=hard_deletes_of(said),
    )
