"""Contracts and constraints in dbt's manifest, and the checksum by which dbt compares contracts."""

import hashlib
from collections.abc import Iterable, Mapping

from headwater.base.codec import Json
from headwater.base.warehouses import Naming
from headwater.project.calls import calls_in
from headwater.project.contracts import constraint_document, has_contract
from headwater.project.naming import relation_name
from headwater.project.node import Node, Ref, SourceRef

_STORED = frozenset({"table", "incremental"})
_KEYS = ("name", "expression", "warn_unenforced", "warn_unsupported", "to", "to_columns")


def fill_in_targets(document: dict[str, Json], inputs: Iterable[Node], naming: Naming) -> None:
    """Write the relations that foreign keys lead to in place of ``ref()`` and ``source()``.

    Args:
        document: A model's entry, which is changed.
        inputs: What the model reads.
        naming: How relations are written.
    """
    columns = document["columns"]
    parts = columns.values() if isinstance(columns, dict) else ()
    known = tuple(inputs)
    for group in (document["constraints"], *map(_constraints, parts)):
        for each in group if isinstance(group, list) else ():
            if isinstance(each, dict) and each.get("to"):
                each["to"] = _target(str(each["to"]), known, naming)


def _constraints(column: Json) -> Json:
    return column.get("constraints") if isinstance(column, dict) else None


def _target(written: str, inputs: tuple[Node, ...], naming: Naming) -> str:
    for call in calls_in(written):
        for node in inputs:
            if call.name == node.name and _means(call, node):
                return relation_name(naming, node) or written
    return written


def _means(call: Ref | SourceRef, node: Node) -> bool:
    if isinstance(call, SourceRef):
        return node.source is not None and node.source.source_name == call.source_name
    return node.source is None and call.package in {None, node.package}


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
