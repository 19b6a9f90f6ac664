"""The ``config`` of a node in dbt's manifest: every key with its default, then what is set."""

from collections.abc import Mapping

from headwater.base.codec import Json, to_builtins
from headwater.project.node import Node

COMMON: Mapping[str, Json] = {
    "enabled": True,
    "alias": None,
    "schema": None,
    "database": None,
    "tags": [],
    "meta": {},
    "group": None,
}
BUILT: Mapping[str, Json] = {
    **COMMON,
    "materialized": "view",
    "incremental_strategy": None,
    "batch_size": None,
    "lookback": 1,
    "begin": None,
    "persist_docs": {},
    "quoting": {},
    "column_types": {},
    "full_refresh": None,
    "unique_key": None,
    "on_schema_change": "ignore",
    "on_configuration_change": "apply",
    "grants": {},
    "packages": [],
    "docs": {"show": True, "node_color": None},
    "contract": {"enforced": False, "alias_types": True},
    "event_time": None,
    "concurrent_batches": None,
}
DEFAULTS: Mapping[str, Mapping[str, Json]] = {
    "model": {**BUILT, "access": "protected", "freshness": None},
    "seed": {**BUILT, "materialized": "seed", "delimiter": ",", "quote_columns": None},
    "snapshot": {
        **BUILT,
        "materialized": "snapshot",
        "strategy": None,
        "target_schema": None,
        "target_database": None,
        "updated_at": None,
        "check_cols": None,
        "snapshot_meta_column_names": {},
        "dbt_valid_to_current": None,
    },
    "analysis": BUILT,
    "operation": BUILT,
    "test": {
        **COMMON,
        "schema": "dbt_test__audit",
        "materialized": "test",
        "severity": "ERROR",
        "store_failures": None,
        "store_failures_as": None,
        "where": None,
        "limit": None,
        "fail_calc": "count(*)",
        "warn_if": "!= 0",
        "error_if": "!= 0",
    },
    "source": {"enabled": True, "event_time": None, "meta": {}, "tags": []},
    "exposure": {"enabled": True, "tags": [], "meta": {}},
    "metric": {"enabled": True, "group": None, "meta": {}},
    "semantic_model": {"enabled": True, "group": None, "meta": {}},
    "saved_query": {"enabled": True, "group": None, "meta": {}, "cache": {"enabled": False}},
    "unit_test": {"enabled": True, "tags": [], "meta": {}},
}
STRICT = frozenset({"exposure", "metric", "semantic_model", "saved_query"})
"""Types whose config is written without keys of our own."""


def config_document(node: Node) -> dict[str, Json]:
    """Return the effective config with dbt's defaults and spellings."""
    defaults = DEFAULTS.get(node.resource_type, COMMON)
    config: dict[str, Json] = {**defaults}
    for key, value in node.config.items():
        if key in {"pre_hook", "post_hook"}:
            continue
        if node.resource_type in STRICT and key not in defaults:
            continue
        default = defaults.get(key)
        merged = (
            {**default, **value} if isinstance(default, dict) and isinstance(value, dict) else value
        )
        config[key] = to_builtins(merged)
    if "materialized" in defaults and node.resource_type != "test":
        config["pre-hook"] = hook_documents(node, "pre_hook")
        config["post-hook"] = hook_documents(node, "post_hook")
    return config


def hook_documents(node: Node, name: str) -> list[Json]:
    """Return hooks as dbt writes them."""
    written = node.config.get(name)
    if not written:
        return []
    documents: list[Json] = []
    for hook in written if isinstance(written, (list, tuple)) else [written]:
        if isinstance(hook, Mapping):
            sql, transaction = hook.get("sql"), hook.get("transaction", True)
        else:
            sql, transaction = hook, True
        documents.append({"sql": str(sql), "transaction": bool(transaction), "index": None})
    return documents
