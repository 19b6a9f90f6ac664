"""Compares a model's contract with the columns of its compiled query, before anything runs.

As in dbt the order of columns is free, names are compared without case, and the types are those
that the engine makes of the declared ones.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from headwater.base.diagnostics import Diagnostic
from headwater.graph.graph import CompiledNode
from headwater.project.contracts import has_contract
from headwater.project.node import Node

_HEAD = ("column_name", "definition_type", "contract_type", "mismatch_reason")
_CHECKED = ("table", "view", "incremental")
_ON_SCHEMA_CHANGE = ("append_new_columns", "fail")

TypeOf = Callable[[str], str]
"""Gives the engine's spelling of a declared type."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One column that is not as promised; a type that is not there is empty."""

    column: str
    query: str
    contract: str
    reason: str


def check_contract(compiled: CompiledNode, type_of: TypeOf) -> Iterator[Diagnostic]:
    """Report how a model breaks its own contract.

    Args:
        compiled: The model with its columns; without them only a warning is given.
        type_of: Spells declared types as the engine does.
    """
    node = compiled.node
    if not has_contract(node):
        return
    faults = list(_incomplete(node))
    if faults:
        for what, fix in faults:
            yield _finding(node, "contract-incomplete", what, fix=fix)
        return
    if compiled.columns is None:
        yield Diagnostic(
            code="contract-not-checked",
            severity="warning",
            what=f"the contract of `{node.name}` is not checked: its columns are not known yet",
            why="the query could not be described, because something that it reads is not known",
            fix="build what it reads first, then plan again",
            where=node.where,
            node=node.unique_id,
        )
        return
    found = mismatches(compiled, type_of)
    if found:
        yield _finding(
            node,
            "contract-mismatch",
            f"`{node.name}` does not keep its contract: {len(found)} column(s) differ",
            why="\n" + "\n".join(table_of(found)),
            fix="cast or rename the columns in the model, or correct the contract",
        )


def mismatches(compiled: CompiledNode, type_of: TypeOf) -> tuple[Mismatch, ...]:
    """Return the columns that differ, by name."""
    promised = {
        column.name.lower(): (column.name, type_of(column.data_type or ""))
        for column in compiled.node.columns.values()
    }
    given = {column.name.lower(): column for column in compiled.columns or ()}
    found: list[Mismatch] = []
    for key, column in given.items():
        if key not in promised:
            found.append(Mismatch(column.name, column.type, "", "missing in contract"))
        elif column.type and column.type != promised[key][1]:
            found.append(Mismatch(column.name, column.type, promised[key][1], "data type mismatch"))
    for key, (name, kind) in promised.items():
        if key not in given:
            found.append(Mismatch(name, "", kind, "missing in definition"))
    return tuple(sorted(found, key=lambda each: each.column.lower()))


def table_of(found: tuple[Mismatch, ...]) -> tuple[str, ...]:
    """Return mismatches as the lines of dbt's table."""
    rows = [_HEAD, *((each.column, each.query, each.contract, each.reason) for each in found)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return (lines[0], "| " + " | ".join("-" * width for width in widths) + " |", *lines[1:])


def _incomplete(node: Node) -> Iterator[tuple[str, str]]:
    """Give what makes a contract unusable, each with what mends it."""
    if not node.columns:
        yield (
            f"the contract of `{node.name}` names no columns",
            "list its columns with their data_type in a properties file",
        )
    without = [column.name for column in node.columns.values() if not column.data_type]
    if without:
        names = ", ".join(f"`{name}`" for name in without)
        yield (
            f"the contract of `{node.name}` has columns without data_type: {names}",
            "give each column its data_type",
        )
    if node.materialized not in _CHECKED:
        yield (
            f"a contract cannot be kept by a model that is built as `{node.materialized}`",
            f"build `{node.name}` as {', '.join(_CHECKED)}, or leave the contract out",
        )
    asked = node.config.get("on_schema_change")
    if node.materialized == "incremental" and asked not in _ON_SCHEMA_CHANGE:
        yield (
            f"`{node.name}` has a contract and on_schema_change `{asked}`",
            f"set on_schema_change to {' or '.join(_ON_SCHEMA_CHANGE)}",
        )


def _finding(node: Node, code: str, what: str, *, why: str = "", fix: str) -> Diagnostic:
    return Diagnostic(
        code=code,
        severity="error",
        what=what,
        why=why or "an enforced contract is checked before anything is built",
        fix=fix,
        where=node.where,
        node=node.unique_id,
    )
