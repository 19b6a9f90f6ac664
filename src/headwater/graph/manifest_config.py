"""The ``config`` of a node in dbt's manifest: every key with its default, then what is set."""

from collections.abc import Mapping

from headwater.base.codec import Json, to_builtins
from headwater.project.config import DEFAULTS
from headwater.project.node import Node

_WRITTEN_APART = frozenset({"pre_hook", "post_hook"})
_SAVED_QUERY: Mapping[str, Json] = {
    "enabled": True,
    "group": None,
    "meta": {},
    "cache": {"enabled": False},
}
_EXPORT = ("export_as", "schema")
"""What exports of a saved query inherit; written where it is set."""
STRICT = frozenset({"exposure", "metric", "semantic_model", "saved_query"})
"""Types whose config is written without keys of our own."""


def config_document(node: Node) -> dict[str, Json]:
    """Return the effective config with dbt's defaults and spellings."""
    defaults = _SAVED_QUERY if node.resource_type == "saved_query" else DEFAULTS[node.resource_type]
    config = {key: value for key, value in defaults.items() if key not in _WRITTEN_APART}
    known = {*defaults, *_EXPORT} if node.resource_type == "saved_query" else defaults
    for key, value in node.config.items():
        if key in _WRITTEN_APART:
            continue
        if node.resource_type in STRICT and key not in known:
            continue
        default = defaults.get(key)
        merged = (
            {**default, **value} if isinstance(default, dict) and isinstance(value, dict) else value
        )
        config[key] = to_builtins(merged)
    if "materialized" in defaults or node.resource_type == "unit_test":
        config.setdefault("static_analysis", None)
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
