"""Which files of a project may be edited without changing what was read of it: their outlines.

A model's SQL says nothing about the project beyond its Jinja, unless a macro looks at the text.
"""

import os
from collections import Counter
from collections.abc import Mapping

from headwater.base.ids import NodeId
from headwater.jinja.outline import outline_of
from headwater.project.node import Node
from headwater.project.project import Project, file_of

_KINDS = frozenset({"model", "analysis", "test"})


def outlines_of(project: Project) -> Mapping[str, tuple[NodeId, bytes]]:
    """Return the node and the outline of each file that holds one text of SQL.

    Args:
        project: As read.

    Returns:
        By absolute path. An edit that keeps the outline changes of the project the node's text,
        and nothing else.
    """
    everything = (*project.nodes.values(), *project.disabled.values())
    owned = Counter((node.package, node.original_path) for node in everything if not node.test)
    found: dict[str, tuple[NodeId, bytes]] = {}
    for node in project.nodes.values():
        is_alone = owned[node.package, node.original_path] == 1
        if not is_alone or not _is_sql(node) or node.unique_id in project.text_readers:
            continue
        outline = outline_of(node.raw_code)
        if outline is not None:
            path = os.path.abspath(f"{project.root}/{file_of(project, node)}")  # noqa: PTH100 - links stay
            found[path] = node.unique_id, outline
    return found


def _is_sql(node: Node) -> bool:
    return (
        node.resource_type in _KINDS
        and node.test is None
        and not node.original_path.endswith((".py", ".yml", ".yaml"))
    )
