"""What a plan says of contracts: constraints that nothing proves, and promises that are broken."""

from collections.abc import Iterator, Mapping

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode
from headwater.plan.draft import Draft
from headwater.plan.plan import RowCheck
from headwater.project.contracts import constraints_of, has_contract

_PROOFS: Mapping[str, frozenset[str]] = {
    "unique": frozenset({"unique", "unique_combination_of_columns"}),
    "primary_key": frozenset({"unique", "unique_combination_of_columns"}),
    "foreign_key": frozenset({"relationships", "relationships_where"}),
}
"""Generic tests that prove what a constraint says."""


def row_checks(compiled: CompiledNode) -> tuple[RowCheck, ...]:
    """Return the constraints that every row of a model must meet before it is published."""
    checks: dict[RowCheck, None] = {}
    for constraint in constraints_of(compiled.node):
        match constraint.kind:
            case "not_null" | "primary_key":
                for column in constraint.columns:
                    checks[RowCheck(kind="not_null", column=column)] = None
            case "check" if constraint.expression:
                check = RowCheck(
                    kind="check", expression=constraint.expression, name=constraint.name
                )
                checks[check] = None
            case _:
                continue
    return tuple(checks)


def check_contract_changes(draft: Draft, node: NodeId) -> Iterator[Diagnostic]:
    """Report constraints that nothing enforces, and a contract that is broken by its change."""
    compiled = draft.compiled(node)
    yield from _unproved(draft, compiled)
    yield from _broken(draft, compiled)


def _unproved(draft: Draft, compiled: CompiledNode) -> Iterator[Diagnostic]:
    node = compiled.node
    constraints = constraints_of(node)
    if not constraints:
        return
    tested = {
        (test.name, (test.column or "").lower())
        for each in draft.graph.nodes.values()
        if (test := each.node.test) is not None and test.attached_node == node.unique_id
    }
    for constraint in constraints:
        proofs = _PROOFS.get(constraint.kind)
        is_view = node.materialized == "view" and constraint.kind in {"not_null", "check"}
        if (proofs is None and not is_view) or not constraint.warn_unenforced:
            continue
        columns = {name.lower() for name in constraint.columns}
        if any(name in (proofs or ()) and column in {"", *columns} for name, column in tested):
            continue
        about = f" ({', '.join(constraint.columns)})" if constraint.columns else ""
        yield Diagnostic(
            code="constraint-not-enforced",
            severity="warning",
            what=f"nothing enforces the constraint {constraint.kind}{about} of `{node.name}`",
            why="a view stores no rows to check" if is_view else "a lake table keeps no index",
            fix="declare a test of the column: it runs before the table is published",
            where=node.where,
            node=node.unique_id,
        )


def _broken(draft: Draft, compiled: CompiledNode) -> Iterator[Diagnostic]:
    """Report promises of the deployed contract that the new one no longer makes, as dbt does."""
    node = compiled.node
    deployed = draft.deployed_or_none(node.unique_id)
    if deployed is None:
        return
    before = deployed.config.get("contract")
    if not isinstance(before, Mapping) or before.get("enforced") is not True:
        return
    lines: list[str] = []
    if not has_contract(node):
        lines.append("the contract is no longer enforced")
    now = {column.name.lower(): column for column in compiled.columns or ()}
    for column in (deployed.columns or ()) if compiled.columns is not None else ():
        new = now.get(column.name.lower())
        if new is None:
            lines.append(f"column {column.name} is removed")
        elif new.type != column.type:
            lines.append(f"column {column.name}: {column.type} -> {new.type}")
    if lines:
        yield Diagnostic(
            code="contract-broken",
            severity="warning",
            what=f"`{node.name}` breaks the contract that is deployed: {'; '.join(lines)}",
            why="whoever reads the model relies on what it promised",
            fix="keep the column beside the new one, or tell the readers before applying",
            where=node.where,
            node=node.unique_id,
        )
