"""Config resolution: dbt's order of precedence and its rules for merging, key by key.

Low to high: defaults of the node type, the package's own dbt_project.yml along the node's path,
its properties file, its own config() calls, and for nodes of packages the root project's
dbt_project.yml. The part that comes from folders is merged once per folder.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import cast

from headwater.base.codec import Json
from headwater.project.freshness import no_freshness

Config = dict[str, Json]
_HOOKS: Mapping[str, str] = MappingProxyType({"pre_hook": "pre-hook", "post_hook": "post-hook"})

_APPENDED = frozenset({"tags", "pre_hook", "post_hook", "packages"})
_UPDATED = frozenset({
    "meta", "quoting", "column_types", "docs", "contract", "snapshot_meta_column_names",
    "persist_docs_columns", "latest_version_pointer",
})  # fmt: skip

_NODE_DEFAULTS: Config = {
    "enabled": True,
    "alias": None,
    "schema": None,
    "database": None,
    "tags": [],
    "meta": {},
    "group": None,
    "materialized": "view",
    "incremental_strategy": None,
    "batch_size": None,
    "lookback": 1,
    "begin": None,
    "persist_docs": {},
    "post_hook": [],
    "pre_hook": [],
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
_PLAIN_DEFAULTS: Config = {"enabled": True, "tags": [], "meta": {}}

DEFAULTS: Mapping[str, Config] = {
    "model": {**_NODE_DEFAULTS, "access": "protected", "freshness": None},
    "analysis": _NODE_DEFAULTS,
    "operation": _NODE_DEFAULTS,
    "seed": {**_NODE_DEFAULTS, "materialized": "seed", "delimiter": ",", "quote_columns": None},
    "snapshot": {
        **_NODE_DEFAULTS,
        "materialized": "snapshot",
        "strategy": None,
        "target_schema": None,
        "target_database": None,
        "updated_at": None,
        "check_cols": None,
        "snapshot_meta_column_names": {
            "dbt_valid_to": None,
            "dbt_valid_from": None,
            "dbt_scd_id": None,
            "dbt_updated_at": None,
            "dbt_is_deleted": None,
        },
        "dbt_valid_to_current": None,
    },
    "test": {
        "enabled": True,
        "alias": None,
        "schema": "dbt_test__audit",
        "database": None,
        "tags": [],
        "meta": {},
        "group": None,
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
    "source": {
        "enabled": True,
        "event_time": None,
        "freshness": no_freshness(),
        "loaded_at_field": None,
        "loaded_at_query": None,
        "meta": {},
        "tags": [],
    },
    "function": {
        **_NODE_DEFAULTS,
        "materialized": "function",
        "type": "scalar",
        "volatility": None,
        "runtime_version": None,
        "entry_point": None,
    },
    "exposure": _PLAIN_DEFAULTS,
    "unit_test": _PLAIN_DEFAULTS,
    "metric": {"enabled": True, "group": None, "meta": {}},
    "semantic_model": {"enabled": True, "group": None, "meta": {}},
    "saved_query": {"enabled": True, "group": None, "meta": {}, "export_as": None, "schema": None},
}

TREE_KEYS: Mapping[str, tuple[str, ...]] = {
    "model": ("models",),
    "analysis": ("models",),
    "operation": ("models",),
    "seed": ("seeds",),
    "snapshot": ("snapshots",),
    "test": ("data_tests", "tests"),
    "source": ("sources",),
    "function": ("functions",),
    "exposure": ("exposures",),
    "unit_test": ("unit_tests",),
    "metric": ("metrics",),
    "semantic_model": ("semantic-models", "semantic_models"),
    "saved_query": ("saved-queries", "saved_queries"),
}


class ConfigTrees:
    """The config trees of every package's dbt_project.yml.

    Args:
        root: Name of the root project.
        trees: By package, its dbt_project.yml's trees by resource type.
    """

    def __init__(self, root: str, trees: Mapping[str, Mapping[str, Mapping[str, Json]]]) -> None:
        self._root = root
        self._trees = trees
        self._folders: dict[tuple[str, str, tuple[str, ...]], tuple[Config, ...]] = {}
        self._bases: dict[tuple[str, str, tuple[str, ...]], Config] = {}

    def resolve(
        self,
        kind: str,
        package: str,
        fqn: tuple[str, ...],
        *,
        patch: Mapping[str, Json] | None = None,
        call: Mapping[str, Json] | None = None,
    ) -> Config:
        """Return the effective config of a node.

        Args:
            kind: Resource type.
            package: Package of the node.
            fqn: Its path: package, folders, name.
            patch: ``config:`` of its properties file.
            call: Its config() calls.
        """
        key = (kind, package, fqn[:-1])
        base = self._bases.get(key)
        if base is None:
            base = {**DEFAULTS[kind]}
            for level in self._levels(kind, package, fqn[:-1]):
                merge_config(base, level)
            self._bases[key] = base
        result = dict(base)
        for level in self._named(kind, package, fqn):
            merge_config(result, level)
        if patch:
            merge_config(result, patch)
        if call:
            merge_config(result, call)
        if package != self._root:
            for level in self._levels(kind, self._root, fqn[:-1]):
                merge_config(result, level)
            for level in self._named(kind, self._root, fqn):
                merge_config(result, level)
        return result

    def written(
        self, kind: str, package: str, fqn: tuple[str, ...], own: Iterable[Mapping[str, Json]]
    ) -> Config:
        """Return the values that are set for a node, the strongest of each, and no defaults.

        What dbt calls the unrendered config, when these trees were not rendered: a value is
        replaced and never merged, because before rendering it has no shape.

        Args:
            kind: Resource type.
            package: Package of the node.
            fqn: Its path: package, folders, name.
            own: What its properties file and its config() calls set, weakest first.
        """
        owners = [package] if package == self._root else [package, self._root]
        first, *more = [
            (*self._levels(kind, owner, fqn[:-1]), *self._named(kind, owner, fqn))
            for owner in owners
        ]
        result: Config = {}
        for level in (*first, *own, *(level for levels in more for level in levels)):
            result |= {_HOOKS.get(key, key): value for key, value in level.items()}
        return result

    def _levels(self, kind: str, owner: str, folders: tuple[str, ...]) -> tuple[Config, ...]:
        key = (kind, owner, folders)
        levels = self._folders.get(key)
        if levels is None:
            tree = self._trees.get(owner, {}).get(kind, {})
            levels = tuple(_level_config(level) for level in _walk(tree, folders))
            self._folders[key] = levels
        return levels

    def _named(self, kind: str, owner: str, fqn: tuple[str, ...]) -> tuple[Config, ...]:
        tree = self._trees.get(owner, {}).get(kind)
        if not tree:
            return ()
        levels = list(_walk(tree, fqn))
        return (_level_config(levels[-1]),) if len(levels) == len(fqn) + 1 else ()


def _walk(tree: Mapping[str, Json], parts: tuple[str, ...]) -> Iterator[Mapping[str, Json]]:
    level = tree
    yield level
    for part in parts:
        below = level.get(part)
        if not isinstance(below, Mapping):
            return
        level = below
        yield level


def _level_config(level: Mapping[str, Json]) -> Config:
    result: Config = {}
    for key, value in level.items():
        name = str(key)
        if name.startswith("+"):
            result[name[1:].strip()] = value
        elif not isinstance(value, Mapping):
            result[name] = value
    return result


def merge_config(result: Config, update: Mapping[str, Json]) -> None:
    """Merge stronger values into ``result``: append, update or replace, as each key asks."""
    for key, value in update.items():
        name = key.replace("-", "_") if key in {"pre-hook", "post-hook"} else key
        if name in _APPENDED:
            result[name] = _listed(result.get(name)) + _listed(value)
        elif name in _UPDATED and isinstance(value, Mapping):
            old = result.get(name)
            result[name] = {**old, **value} if isinstance(old, Mapping) else dict(value)
        elif name == "grants" and isinstance(value, Mapping):
            result[name] = _merged_grants(result.get(name), value)
        else:
            result[name] = value


def merge_calls(result: Config, call: Mapping[str, Json]) -> None:
    """Merge a further config() call of the same file into the earlier ones."""
    if not result:
        result.update(deepcopy(dict(call)))
        return
    said = result.get("grants")
    merge_config(result, call)
    if isinstance(said, Mapping) and isinstance(call.get("grants"), Mapping):
        result["grants"] = _joined_grants(said, cast("Mapping[str, Json]", call["grants"]))


def _listed(value: Json) -> list[Json]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _joined_grants(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    """Join two calls of one file, so that what adds to grants (``+select``) still adds to them."""
    result = dict(old)
    for key, value in new.items():
        if not key.startswith("+"):
            result.pop(f"+{key}", None)
            result[key] = value
            continue
        place = key[1:] if key[1:] in result else key
        result[place] = _listed(result.get(place)) + _listed(value)
    return result


def _merged_grants(old: Json, new: Mapping[str, Json]) -> dict[str, Json]:
    result: dict[str, Json] = {}
    if isinstance(old, Mapping):
        result = {key: _listed(value) for key, value in old.items()}
    for key, value in new.items():
        name = key.lstrip("+")
        before = cast("list[Json]", result.get(name, [])) if key.startswith("+") else []
        result[name] = before + _listed(value)
    return result


def hooks_of(value: Json) -> list[Json]:
    """Bring hooks into one form: ``{sql, transaction}`` each."""
    hooks: list[Json] = []
    for hook in _listed(value):
        if isinstance(hook, Mapping):
            hooks.append({"transaction": True, **hook})
        elif hook is not None:
            hooks.append({"sql": str(hook), "transaction": True})
    return hooks
