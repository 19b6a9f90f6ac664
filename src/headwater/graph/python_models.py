"""What a Python model must be, so that it can be built."""

from collections.abc import Iterator, Sequence

from headwater.base.diagnostics import Diagnostic
from headwater.project.contracts import has_contract
from headwater.project.node import Node


def check_python_model(node: Node, inputs: Sequence[Node]) -> Iterator[Diagnostic]:
    """Report why a Python model cannot be built.

    Args:
        node: The model.
        inputs: What it refers to.
    """
    faults = [
        f"it reads `{each.name}`, which is {each.materialized}"
        for each in inputs
        if each.relation is None
    ]
    if node.materialized not in {"table", "incremental"}:
        faults.append(f"it is to be built as `{node.materialized}`")
    if has_contract(node):
        faults.append("it has an enforced contract")
    for fault in faults:
        yield Diagnostic(
            code="python-model-not-built",
            severity="error",
            what=f"Python model `{node.name}` cannot be built: {fault}",
            fix="a Python model reads tables and views, and is a table or incremental",
            where=node.where,
            node=node.unique_id,
        )
