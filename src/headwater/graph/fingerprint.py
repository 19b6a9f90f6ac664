"""What makes two builds of a node the same: the meaning of its SQL and the config that shapes it.

Tags, descriptions, owners and layout are left out on purpose: they change nothing that is stored.
"""

import hashlib
from collections.abc import Mapping, Sequence

from headwater.base.codec import Json, encode
from headwater.project.contracts import constraints_of
from headwater.project.node import Node

STORED_BY = (
    "materialized",
    "unique_key",
    "incremental_strategy",
    "incremental_predicates",
    "refresh",
    "merge_update_columns",
    "merge_exclude_columns",
    "on_schema_change",
    "partition_by",
    "partitioned_by",
    "cluster_by",
    "event_time",
    "batch_size",
    "begin",
    "lookback",
    "sql_header",
    "column_types",
    "delimiter",
    "quote_columns",
    "strategy",
    "updated_at",
    "check_cols",
    "hard_deletes",
    "invalidate_hard_deletes",
    "dbt_valid_to_current",
    "snapshot_meta_column_names",
)
"""Config that decides what a build stores."""

JUDGED_BY = ("severity", "warn_if", "error_if", "fail_calc", "limit", "store_failures")
"""Config that decides what a test's rows mean."""


def fingerprint_of(node: Node, meanings: Sequence[str], hooks: Sequence[str]) -> str:
    """Hash what a node does.

    Args:
        node: For its config and where it is stored.
        meanings: Fingerprints of its queries, or its text where it has no meaning yet.
        hooks: Rendered SQL before and after.
    """
    keys = JUDGED_BY if node.resource_type in {"test", "unit_test"} else STORED_BY
    config = {key: node.config[key] for key in keys if node.config.get(key) is not None}
    place = str(node.relation) if node.relation else ""
    external = node.source.external_location or "" if node.source else ""
    document: Mapping[str, Json] = {
        "kind": node.resource_type,
        "place": place,
        "external": external,
        "meanings": list(meanings),
        "hooks": list(hooks),
        "config": config,
        **_promises(node),
        "seed": node.checksum if node.resource_type == "seed" else "",
    }
    return hashlib.sha256(encode(_sorted(dict(document)))).hexdigest()


def _promises(node: Node) -> Mapping[str, Json]:
    """Return what rows must meet; only where there is something, so that other hashes stay."""
    checked: list[Json] = [
        [each.kind, list(each.columns), each.expression]
        for each in constraints_of(node)
        if each.kind in {"not_null", "check", "primary_key"}
    ]
    return {"constraints": checked} if checked else {}


def text_meaning(text: str) -> str:
    """Stand in for the meaning of a text that cannot be parsed."""
    return "text:" + hashlib.sha256(text.encode()).hexdigest()


def _sorted(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_sorted(part) for part in value]
    return value
