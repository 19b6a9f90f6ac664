"""Folders of dbt_project.yml's config trees to which no node belongs: mostly misspelt.

dbt warns of them at every command; without the warning a config silently has no effect.
"""

from collections.abc import Iterable, Iterator, Mapping

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.project.config import DEFAULTS, TREE_KEYS
from headwater.project.findings import suggestion
from headwater.project.reading import Reading
from headwater.project.settings import Settings

Path = tuple[str, ...]


def check_config_paths(reading: Reading) -> None:
    """Warn of config paths of the root's dbt_project.yml that apply to nothing."""
    paths: dict[str, set[Path]] = {}
    for node in reading.nodes.values():
        for key in TREE_KEYS.get(node.resource_type, ()):
            known = paths.setdefault(key, set())
            known.update(node.fqn[:length] for length in range(len(node.fqn) + 1))
    settings = reading.packages[0].settings
    for key, defaults in _DEFAULTS.items():
        known = paths.get(key, set())
        for path in _written_paths(_tree(settings, key), defaults):
            if path and path not in known:
                reading.found.append(_unused(settings, (key, *path), known))


_DEFAULTS: Mapping[str, frozenset[str]] = {
    key: frozenset(name for kind in TREE_KEYS if key in TREE_KEYS[kind] for name in DEFAULTS[kind])
    for keys in TREE_KEYS.values()
    for key in keys
}
"""Names of configs by the key of their tree: below these a mapping is a value and no folder."""


def _tree(settings: Settings, key: str) -> Json:
    content = settings.file.content
    return content.get(key) if isinstance(content, dict) else None


def _written_paths(tree: Json, configs: frozenset[str], path: Path = ()) -> Iterator[Path]:
    """Give the paths at which something is set."""
    if not isinstance(tree, dict):
        return
    is_set = False
    for key, value in tree.items():
        name = str(key)
        if isinstance(value, dict) and not name.startswith("+") and name not in configs:
            yield from _written_paths(value, configs, (*path, name))
        else:
            is_set = True
    if is_set:
        yield path


def _unused(settings: Settings, path: Path, known: Iterable[Path]) -> Diagnostic:
    *before, last = path[1:]
    beside = {each[-1] for each in known if each[:-1] == tuple(before) and each}
    return Diagnostic(
        code="config-path-unused",
        severity="warning",
        what=f"`{'.'.join(path)}` in dbt_project.yml applies to no node",
        fix=suggestion(last, beside) or "correct the folders, or take it out",
        where=settings.file.span(*path),
    )
