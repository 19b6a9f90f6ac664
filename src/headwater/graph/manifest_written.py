"""The ``unrendered_config`` of a node in dbt's manifest: what is set for it, as it was written.

``state:modified`` compares these, so that a value that depends on the environment does not look
like a change of the project. As with dbt, what stands in dbt_project.yml is always taken as it was
written, and what properties files and ``config()`` say only when the project sets the flag
``state_modified_compare_more_unrendered_values``.
"""

from collections.abc import Mapping

from headwater.base.codec import Json, to_builtins
from headwater.jinja.written import written_config_or_none
from headwater.project.config import DEFAULTS
from headwater.project.node import Node
from headwater.project.project import Project

_ALWAYS_WRITTEN = ("loaded_at_field", "loaded_at_query", "meta", "tags")


def written_config(project: Project, node: Node) -> dict[str, Json]:
    """Return what is set for a node, without defaults, before Jinja was rendered."""
    own = _written_by(node) if project.compares_written else (_patch(node), node.config_call)
    written = project.written_configs.written(node.resource_type, node.package, node.fqn, own)
    found = to_builtins(written)
    assert isinstance(found, dict)  # noqa: S101 - a mapping becomes a dict
    return found


def _written_by(node: Node) -> tuple[Mapping[str, Json], Mapping[str, Json]]:
    """Return what a node's properties file and its own text say, before Jinja was rendered."""
    call = written_config_or_none(node.raw_code)
    # Where nothing is called in the text itself, a macro or Python did; dbt takes what that gave.
    return _merged(_patch(node), node.config_written), call or node.config_call


def _merged(one: Mapping[str, Json], other: Mapping[str, Json]) -> dict[str, Json]:
    result = dict(one)
    for key, value in other.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = _merged(old, value)  # noqa: PLW2901 - the rest is the same for both
        result[key] = value
    return result


def _patch(node: Node) -> Mapping[str, Json]:
    """Return what a node's properties file sets."""
    if node.resource_type == "source":
        usual = DEFAULTS["source"]
        return {
            key: value
            for key, value in node.config.items()
            if key in _ALWAYS_WRITTEN or key not in usual or value != usual[key]
        }
    declared = node.declared.get("config")
    return node.config_patch or (declared if isinstance(declared, Mapping) else {})
