"""The ``unrendered_config`` of a node in dbt's manifest: what is set for it, as it was written.

``state:modified`` compares these, so that a value that depends on the environment does not look
like a change of the project.
"""

from collections.abc import Mapping

from headwater.base.codec import Json, to_builtins
from headwater.project.config import DEFAULTS
from headwater.project.node import Node
from headwater.project.project import Project

_ALWAYS_WRITTEN = ("loaded_at_field", "loaded_at_query", "meta", "tags")


def written_config(project: Project, node: Node) -> dict[str, Json]:
    """Return what is set for a node, without defaults, before Jinja was rendered."""
    own = (_patch(node), node.config_call)
    written = project.written_configs.written(node.resource_type, node.package, node.fqn, own)
    found = to_builtins(written)
    assert isinstance(found, dict)  # noqa: S101 - a mapping becomes a dict
    return found


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
