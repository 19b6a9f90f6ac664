"""A function (UDF) in dbt's manifest: its arguments and what it returns."""

from collections.abc import Mapping

from headwater.base.codec import Json, to_builtins
from headwater.project.node import Node


def function_document(node: Node) -> dict[str, Json]:
    """Return what a function has beside the keys of every node."""
    arguments, returns = node.declared.get("arguments"), node.declared.get("returns")
    return {
        "arguments": [
            {
                "name": each.get("name"),
                "data_type": each.get("data_type"),
                "description": each.get("description"),
                "default_value": to_builtins(each.get("default_value")),
            }
            for each in (arguments if isinstance(arguments, list) else ())
            if isinstance(each, Mapping)
        ],
        "returns": _returned(returns if isinstance(returns, Mapping) else {}),
        "language": "python" if node.original_path.endswith(".py") else "sql",
    }


def _returned(written: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "data_type": written.get("data_type"),
        "description": written.get("description"),
    }
