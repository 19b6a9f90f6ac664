"""A function (UDF) in dbt's manifest: its arguments and what it returns."""

from collections.abc import Mapping

from headwater.base.codec import Json, to_builtins
from headwater.graph.graph import CompiledNode
from headwater.project.functions import entries_of, language_of


def function_document(compiled: CompiledNode) -> dict[str, Json]:
    """Return what a function has beside the keys of every node."""
    node = compiled.node
    signatures = () if compiled.function is None else compiled.function.signatures[1:]
    bodies: list[Json] = [each.body for each in signatures] or [None for _ in node.overloads]
    return {
        **_form(node.declared),
        "overloads": [
            {
                "defined_in": overload.name,
                **_form(written),
                "description": written.get("description"),
                "raw_body": overload.raw_code.strip(),
                "compiled_body": body,
            }
            for overload, written, body in zip(
                node.overloads, entries_of(node.declared.get("overloads")), bodies, strict=False
            )
        ],
        "language": language_of(node),
        "defer_function": None,
    }


def _form(written: Mapping[str, Json]) -> dict[str, Json]:
    returns = written.get("returns")
    return {
        "arguments": [
            {
                "name": each.get("name"),
                "data_type": each.get("data_type"),
                "description": each.get("description"),
                "default_value": to_builtins(each.get("default_value")),
            }
            for each in entries_of(written.get("arguments"))
        ],
        "returns": _returned(returns if isinstance(returns, Mapping) else {}),
    }


def _returned(written: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "data_type": written.get("data_type"),
        "description": written.get("description"),
    }
