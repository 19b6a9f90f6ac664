"""Contracts and constraints in dbt's manifest, and the checksum by which dbt compares contracts."""

import hashlib
from collections.abc import Iterable, Mapping

from headwater.base.codec import Json, to_builtins
from headwater.project.contracts import has_contract
from headwater.project.node import Node

_STORED = frozenset({"table", "incremental"})
_KEYS = ("name", "expression", "warn_unenforced", "warn_unsupported", "to", "to_columns")


def constraint_document(written: Mapping[str, Json]) -> dict[str, Json]:
    """Return a constraint with the keys that dbt gives it."""
    return {
        "type": written.get("type"),
        "name": written.get("name"),
        "expression": written.get("expression"),
        "warn_unenforced": written.get("warn_unenforced", True),
        "warn_unsupported": written.get("warn_unsupported", True),
        "to": written.get("to"),
        "to_columns": to_builtins(written.get("to_columns") or []),
    }


def contract_document(node: Node) -> dict[str, Json]:
    """Return a node's contract with its checksum, which only an enforced one has."""
    if not has_contract(node):
        return {"enforced": False, "alias_types": True, "checksum": None}
    contract = node.config.get("contract")
    settings = contract if isinstance(contract, Mapping) else {}
    return {
        "enforced": True,
        "alias_types": settings.get("alias_types", True),
        "checksum": _checksum(node),
    }


def _checksum(node: Node) -> str:
    """Hash what dbt hashes: columns by name, and of a stored model its own constraints."""
    text = ""
    for name in sorted(node.columns):
        column = node.columns[name]
        text += f"|{column.name}{column.data_type}"
        text += _shown("ColumnLevelConstraint", column.constraints)
    if node.materialized in _STORED:
        own = node.declared.get("constraints")
        listed = [each for each in (own if isinstance(own, list) else ()) if isinstance(each, dict)]
        text += node.materialized + _shown("ModelLevelConstraint", listed, ("columns",))
    return hashlib.sha256(text.encode()).hexdigest()


def _shown(kind: str, constraints: Iterable[Mapping[str, Json]], more: Iterable[str] = ()) -> str:
    """Write constraints as Python shows dbt's values: the checksum is made of that text."""
    shown = []
    for written in constraints:
        document = {**constraint_document(written), "columns": written.get("columns") or []}
        kind_of = f"<ConstraintType.{document['type']}: {document['type']!r}>"
        parts = [f"type={kind_of}", *(f"{key}={document[key]!r}" for key in (*_KEYS, *more))]
        shown.append(f"{kind}({', '.join(parts)})")
    return f"[{', '.join(shown)}]"
