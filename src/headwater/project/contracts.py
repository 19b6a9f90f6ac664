"""What a model promises of its columns: dbt's contracts and constraints, as plain values.

Compiling compares the promise with the query, a build checks rows against it; both read this.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headwater.base.codec import Json, to_builtins
from headwater.project.node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A constraint of a model or of one of its columns.

    Attributes:
        kind: not_null, check, unique, primary_key, foreign_key or custom.
        columns: Columns that it is about; none for a check of the model.
        expression: SQL of a check.
        name: As written; empty when it has none.
        warn_unenforced: Whether to say that it is not enforced.
    """

    kind: str
    columns: tuple[str, ...]
    expression: str = ""
    name: str = ""
    warn_unenforced: bool = True


def has_contract(node: Node) -> bool:
    """Say whether a model's contract is enforced."""
    contract = node.config.get("contract")
    return (
        node.resource_type == "model"
        and isinstance(contract, Mapping)
        and contract.get("enforced") is True
    )


def constraints_of(node: Node) -> tuple[Constraint, ...]:
    """Return a model's constraints, its own first; none without an enforced contract, as in dbt."""
    return tuple(_constraints(node)) if has_contract(node) else ()


def _constraints(node: Node) -> Iterator[Constraint]:
    own = node.declared.get("constraints")
    for written in own if isinstance(own, list) else ():
        if isinstance(written, Mapping):
            columns = written.get("columns")
            names = tuple(map(str, columns)) if isinstance(columns, list) else ()
            yield _constraint(written, names)
    for column in node.columns.values():
        for each in column.constraints:
            yield _constraint(each, (column.name,))


def _constraint(written: Mapping[str, Json], columns: tuple[str, ...]) -> Constraint:
    return Constraint(
        kind=str(written.get("type") or "custom").lower(),
        columns=columns,
        expression=str(written.get("expression") or ""),
        name=str(written.get("name") or ""),
        warn_unenforced=written.get("warn_unenforced") is not False,
    )


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
