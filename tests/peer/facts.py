"""What two manifests must agree on, node by node, in one normal form.

Left out is what no reader of a manifest depends on: times, ids of runs, absolute paths. A key that
is absent, null or empty is one and the same, because tools write either.
"""

import json
from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]
Facts = Mapping[str, Any]
"""Facts of one node by facet: ``node``, ``config``, ``depends_on``, ``macros``, ``code``."""

FACETS = ("node", "config", "depends_on", "macros", "code")
SECTIONS = (
    "nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests",
)  # fmt: skip
KEPT = (
    "resource_type", "package_name", "name", "path", "original_file_path", "patch_path", "fqn",
    "database", "schema", "alias", "relation_name", "identifier", "checksum", "tags", "meta",
    "description", "columns", "docs", "group", "access", "version", "latest_version", "language",
    "raw_code", "refs", "sources", "source_name", "source_description", "loader", "freshness",
    "loaded_at_field", "external", "test_metadata", "column_name", "attached_node", "type",
    "maturity", "url", "owner", "label", "constraints", "contract",
)  # fmt: skip
SHIPPED = ("macro.dbt.", "macro.dbt_duckdb.")
"""Beginnings of the ids of macros that come with a tool, not with a project."""
_NOT_OF_UNIT_TESTS = {"checksum", "schema", "refs", "sources", "tags"}
"""dbt hashes its own classes' text; the others are of the model, and ours alone."""
_NOT_OF_HOOKS = {"checksum", "schema", "original_file_path"}


def facts_of(manifest: Document) -> dict[str, Facts]:
    """Return the facts of every node of a manifest, enabled or not, by unique_id."""
    found: dict[str, Facts] = {}
    for section in SECTIONS:
        for key, node in manifest.get(section, {}).items():
            found[key] = _facts(node, section)
    return found


def ids_of(manifest: Document) -> dict[str, list[str]]:
    """Return the ids of what is not a node: macros of the projects, docs, groups, disabled."""
    macros = [key for key in manifest["macros"] if not key.startswith(SHIPPED)]
    docs = [key for key in manifest["docs"] if not key.startswith("doc.dbt.")]
    return {
        "macros": sorted(macros),
        "docs": sorted(docs),
        "groups": sorted(manifest["groups"]),
        "disabled": sorted(manifest["disabled"]),
    }


def _facts(node: Document, section: str) -> Facts:
    node = {**node, **{key: _once(node.get(key) or []) for key in ("refs", "sources", "tags")}}
    if node["resource_type"] == "seed":
        # Ours is of the file as it is; dbt leaves out blanks at its ends, or takes its path.
        node.pop("checksum")
    if node.get("test_metadata"):
        # The config that dbt writes behind a generic test's text is compared as config.
        node["raw_code"] = node["raw_code"].partition("{{ config(")[0]
    if node["resource_type"] == "unit_test":
        node = {key: each for key, each in node.items() if key not in _NOT_OF_UNIT_TESTS}
    if node["resource_type"] == "operation":
        node = {key: each for key, each in node.items() if key not in _NOT_OF_HOOKS}
    depends = node.get("depends_on") or {}
    macros = [key for key in depends.get("macros") or () if not key.startswith(SHIPPED)]
    return {
        "node": _plain({key: node.get(key) for key in KEPT}),
        "config": _config(node.get("config") or {}),
        "depends_on": sorted(set(depends.get("nodes") or ())),
        "macros": sorted(set(macros)),
        "code": _code(node) if section == "nodes" else "",
    }


def _once(calls: list[Any]) -> list[Any]:
    """Sort, and leave out what is repeated: order and number of these say nothing."""
    seen = {json.dumps(_plain(call), sort_keys=True): call for call in calls}
    return [seen[key] for key in sorted(seen)]


def _config(config: Document) -> Any:
    return _plain({**config, "tags": _once(config.get("tags") or [])})


def _code(node: Document) -> str:
    return node.get("compiled_code") or ""


def _plain(value: Any) -> Any:
    """Leave out what is empty, and write severities in one case."""
    match value:
        case Mapping():
            plain = {key: _plain(_severity(key, each)) for key, each in value.items()}
            return {key: each for key, each in plain.items() if not _is_empty(each)}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value


def _severity(key: str, value: Any) -> Any:
    return value.upper() if key == "severity" and isinstance(value, str) else value


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)
