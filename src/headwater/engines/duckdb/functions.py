"""Makes functions of a project in a session: macros of DuckDB, and Python functions behind them.

A function is two macros. The inner one is the body, written as it stands; the outer one has the
name, turns arguments and value into the declared types as other databases do, and knows defaults.
DuckDB puts both into the query that calls them, so that they cost nothing at run time.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from inspect import signature
from typing import Any

from headwater.base.errors import UserCodeError
from headwater.base.functions import Argument, Function, Signature
from headwater.base.relations import TableName, quote_identifier
from headwater.engines.duckdb.connection import Statement

Register = Callable[[str, Callable[..., object], list[str], str], None]
"""Makes a Python function known: its name in SQL, itself, types of arguments and of the value."""


def make_statements(name: TableName, function: Function, register: Register) -> Iterator[Statement]:
    """Give the statements that make a function, in order.

    Raises:
        UserCodeError: ``function-failed``, when a file in Python has no such function.
    """
    inner = [
        TableName(name.catalog, name.schema, f"__hw_{name.name}_{place}")
        for place in range(len(function.signatures))
    ]
    for own, form in zip(inner, function.signatures, strict=True):
        names = ", ".join(quote_identifier(each.name) for each in form.arguments)
        head = f"CREATE OR REPLACE MACRO {own.quoted()}({names}) AS ("
        if function.language == "python":
            # The driver knows no schemas, and sessions share what it knows: the text is the name.
            python = f"__hw_{sha256(repr((name, function, own)).encode()).hexdigest()[:24]}"
            register(python, _python(name, function, form), *_python_types(form))
            yield Statement(before=f"{head}{quote_identifier(python)}({names}))")
        else:
            yield Statement(before=f"{head}\n", sql=form.body.strip().rstrip(";"), after="\n)")
    is_overloaded = len(inner) > 1
    forms = ", ".join(
        _outer(own, form, is_typed=is_overloaded)
        for own, form in zip(inner, function.signatures, strict=True)
    )
    yield Statement(before=f"CREATE OR REPLACE MACRO {name.quoted()}{forms}")


def _outer(own: TableName, form: Signature, *, is_typed: bool) -> str:
    taken = ", ".join(_parameter(each, is_typed=is_typed) for each in form.arguments)
    given = ", ".join(_cast(quote_identifier(each.name), each.type) for each in form.arguments)
    return f"({taken}) AS {_cast(f'{own.quoted()}({given})', form.returns)}"


def _parameter(argument: Argument, *, is_typed: bool) -> str:
    """Write a parameter; its type chooses between forms, and would refuse what a cast takes."""
    kind = f" {argument.type}" if is_typed and argument.type else ""
    default = f" := {argument.default}" if argument.default else ""
    return f"{quote_identifier(argument.name)}{kind}{default}"


def _cast(text: str, kind: str) -> str:
    return f"CAST({text} AS {kind})" if kind else text


def _python_types(form: Signature) -> tuple[list[str], str]:
    return [each.type or "VARCHAR" for each in form.arguments], form.returns or "VARCHAR"


def _python(name: TableName, function: Function, form: Signature) -> Callable[..., object]:
    names: dict[str, Any] = {"__name__": f"dbt_function_{name.name}"}
    entry = function.entry_point
    try:
        exec(compile(form.body, f"{name.name}.py", "exec"), names)  # noqa: S102 - the user's own
        found = names[entry]
        signature(found).bind(*form.arguments)
    except Exception as error:
        raise UserCodeError(
            "function-failed",
            f"function `{name.name}` cannot be made: {type(error).__name__}: {error}",
            why=f"its file is run, and `{entry}` of it takes the {len(form.arguments)} arguments "
            "that its properties file lists",
            fix="mend the file, or name the function by `entry_point`",
        ) from error
    called: Callable[..., object] = found
    return called
