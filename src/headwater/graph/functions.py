"""Functions of a project, compiled: their properties and bodies as one value.

Apart from compiling, so that what a function is made of stands in one place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.functions import Argument, Function, Signature
from headwater.graph.warehouses import Translator
from headwater.project.functions import entries_of, language_of
from headwater.project.node import Node

_QUERY_STARTS = ("select", "with", "from")


def make_function(node: Node, bodies: Sequence[str]) -> Function:
    """Put a function together.

    Args:
        node: The function.
        bodies: Its compiled text, then those of its overloads, in order.
    """
    overloads = entries_of(node.declared.get("overloads"))
    forms = [node.declared, *overloads]
    return Function(
        language="python" if language_of(node) == "python" else "sql",
        signatures=tuple(_signature(form, body) for form, body in zip(forms, bodies, strict=False)),
        entry_point=str(node.config.get("entry_point") or ""),
    )


def queries_of(function: Function) -> Iterator[str]:
    """Give each body in SQL as a query, from which can be told what it reads."""
    if function.language == "sql":
        for form in function.signatures:
            yield query_of(form.body)


def translate_function(
    translator: Translator, node: Node, function: Function
) -> tuple[Function | None, tuple[Diagnostic, ...]]:
    """Translate the bodies and types of a function of another warehouse.

    Returns:
        The function, None when it cannot be run, and what was found.
    """
    findings: list[Diagnostic] = []
    forms: list[Signature] = []
    for form in function.signatures:
        body: str | None = form.body
        if function.language == "sql":
            body, found = translator.translated(node, query_of(form.body))
            findings += found
        if body is None:
            return None, tuple(findings)
        arguments = tuple(
            replace(each, type=translator.engine_type(each.type)) if each.type else each
            for each in form.arguments
        )
        returns = translator.engine_type(form.returns) if form.returns else ""
        forms.append(Signature(arguments=arguments, returns=returns, body=body))
    return replace(function, signatures=tuple(forms)), tuple(findings)


def query_of(body: str) -> str:
    """Write a body in SQL as the query of one value, which it may be already."""
    text = body.strip().rstrip(";")
    return text if text.lower().startswith(_QUERY_STARTS) else f"select {text}"


def check_function(node: Node, function: Function) -> Iterator[Diagnostic]:
    """Report a function that cannot be made in the engine."""
    faults = []
    if function.language == "python":
        if node.config.get("type") == "aggregate":
            faults.append("an aggregate in Python")
        if not function.entry_point:
            faults.append("in Python without `entry_point`")
    if node.config.get("type") == "table":
        faults.append("a function that gives rows")
    for fault in faults:
        yield Diagnostic(
            code="function-not-built",
            severity="error",
            what=f"function `{node.name}` is {fault}, which the engine cannot make",
            why="scalar functions are made in SQL and Python, aggregates in SQL",
            fix="write it in SQL, or as a macro whose text is put into each query that calls it",
            where=node.where,
            node=node.unique_id,
        )


def _signature(form: Mapping[str, Json], body: str) -> Signature:
    returns = form.get("returns")
    kind = returns.get("data_type") if isinstance(returns, Mapping) else None
    return Signature(
        arguments=tuple(_arguments(entries_of(form.get("arguments")))),
        returns=str(kind or ""),
        body=body,
    )


def _arguments(written: Iterable[Mapping[str, Json]]) -> Iterator[Argument]:
    for each in written:
        default = each.get("default_value")
        yield Argument(
            name=str(each.get("name")),
            type=str(each.get("data_type") or ""),
            default="" if default is None else str(default),
        )
