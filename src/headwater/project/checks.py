"""Checks of nodes that need the whole project: groups, batches, snapshots, exposures, metrics.

Apart from the passes that make nodes, because what they name may be declared in any file.
"""

import re
from collections.abc import Iterator, Mapping

from headwater.base.diagnostics import Diagnostic
from headwater.project.colours import is_colour
from headwater.project.findings import suggestion
from headwater.project.microbatch import check_microbatch
from headwater.project.node import Node
from headwater.project.reading import Reading
from headwater.project.snapshots import own_strategy_or_none

_EXPOSURE_TYPES = ("dashboard", "notebook", "analysis", "ml", "application")
_METRIC_TYPES = ("simple", "ratio", "cumulative", "derived", "conversion")
_SNAPSHOT_NEEDS: Mapping[str, str] = {"timestamp": "updated_at", "check": "check_cols"}
METRIC_NAME_LENGTH_MAX = 250
"""Characters: what BigQuery and Snowflake take as the name of a column."""
_METRIC_NAME = re.compile(r"[A-Za-z]\w*")


def check_nodes(reading: Reading) -> None:
    """Report enabled nodes whose declaration dbt would refuse."""
    groups = {group.name for group in reading.groups.values()}
    for node in reading.nodes.values():
        if node.is_enabled:
            reading.found += _check_group(node, groups)
            reading.found += _check_look(node)
            match node.resource_type:
                case "seed" | "test" as kind:
                    reading.found += _check_kind(node, kind)
                case "snapshot":
                    reading.found += _check_kind(node, "snapshot")
                    reading.found += _check_snapshot(reading, node)
                case "exposure":
                    reading.found += _check_exposure(node)
                case "model":
                    reading.found += check_microbatch(node)
                    reading.found += _check_freshness(node)
                case "metric":
                    reading.found += _check_metric(node)
                case _:
                    continue


def _fault(node: Node, code: str, what: str, fix: str) -> Diagnostic:
    return Diagnostic(
        code=code, severity="error", what=what, fix=fix, where=node.where, node=node.unique_id
    )


def _check_group(node: Node, groups: set[str]) -> Iterator[Diagnostic]:
    group = node.config.get("group")
    if isinstance(group, str) and group not in groups:
        what = f"`{node.name}` is in group `{group}`, which no properties file declares"
        fix = suggestion(group, groups) or f"declare it: `groups: [{{name: {group}, owner: ...}}]`"
        yield _fault(node, "config-type", what, fix)


def _check_look(node: Node) -> Iterator[Diagnostic]:
    docs = node.config.get("docs")
    colour = docs.get("node_color") if isinstance(docs, Mapping) else None
    if colour is not None and not is_colour(str(colour)):
        what = f"`{node.name}` has the node_color `{colour}`, which is no colour"
        yield _fault(node, "config-type", what, "write a CSS name, or `#` and hexadecimal digits")


def _check_kind(node: Node, kind: str) -> Iterator[Diagnostic]:
    if node.config.get("materialized") != kind:
        what = f"{kind} `{node.name}` is to be materialized as `{node.config['materialized']}`"
        fix = f"take `materialized` out: every {kind} is stored in the same way"
        yield _fault(node, "config-type", what, fix)


def _check_freshness(node: Node) -> Iterator[Diagnostic]:
    freshness = node.config.get("freshness")
    after = freshness.get("build_after") if isinstance(freshness, Mapping) else None
    if isinstance(after, Mapping) and (after.get("count") is None) != (after.get("period") is None):
        what = f"`build_after` of `{node.name}` says one of `count` and `period`, and not the other"
        yield _fault(node, "config-type", what, "write both: {count: 1, period: day}")


def _check_snapshot(reading: Reading, node: Node) -> Iterator[Diagnostic]:
    config = node.config
    for key in ("strategy", "unique_key"):
        if not config.get(key):
            what = f"snapshot `{node.name}` has no `{key}`"
            fix = "a snapshot needs `strategy` (timestamp or check) and `unique_key`"
            yield _fault(node, "config-required", what, fix)
    strategy = config.get("strategy")
    if not isinstance(strategy, str):
        return
    needed = _SNAPSHOT_NEEDS.get(strategy)
    own = own_strategy_or_none(reading.templates.index, node.package, strategy)
    if needed is None and own is None:
        what = f"snapshot `{node.name}` has the strategy `{strategy}`, which is not known"
        fix = suggestion(strategy, _SNAPSHOT_NEEDS) or "use `timestamp` or `check`"
        yield _fault(node, "config-type", what, fix)
    elif needed is not None and not config.get(needed):
        what = f"snapshot `{node.name}` has the strategy `{strategy}` and no `{needed}`"
        yield _fault(node, "config-required", what, f"say `{needed}` in its config")


def _check_exposure(node: Node) -> Iterator[Diagnostic]:
    kind = node.declared.get("type")
    if kind not in _EXPOSURE_TYPES:
        what = (
            f"exposure `{node.name}` has no `type`"
            if kind is None
            else f"exposure `{node.name}` is of type `{kind}`, which is not known"
        )
        near = suggestion(str(kind), _EXPOSURE_TYPES)
        yield _fault(node, "properties-shape", what, near or f"one of {', '.join(_EXPOSURE_TYPES)}")
    owner = node.declared.get("owner")
    if not isinstance(owner, Mapping) or not (owner.get("name") or owner.get("email")):
        what = f"exposure `{node.name}` has no `owner`"
        yield _fault(node, "properties-shape", what, "write `owner: {name: ..., email: ...}`")


def _check_metric(node: Node) -> Iterator[Diagnostic]:
    if not _METRIC_NAME.fullmatch(node.name):
        what = f"metric `{node.name}` has a name that is none"
        fix = "begin with a letter and use letters, digits and underscores"
        yield _fault(node, "properties-shape", what, fix)
    if len(node.name) > METRIC_NAME_LENGTH_MAX:
        what = f"metric `{node.name[:20]}...` has a name of {len(node.name)} characters"
        fix = f"choose one of {METRIC_NAME_LENGTH_MAX} at most, and say the rest in `label:`"
        yield _fault(node, "properties-shape", what, fix)
    kind = node.declared.get("type")
    if kind is not None and str(kind).lower() not in _METRIC_TYPES:
        what = f"metric `{node.name}` is of type `{kind}`, which is not known"
        near = suggestion(str(kind), _METRIC_TYPES)
        yield _fault(node, "config-type", what, near or f"one of {', '.join(_METRIC_TYPES)}")
