"""Reads Python models by their syntax tree alone: what they refer to and how they are configured.

Nothing of the file runs while a project is read, as in dbt; arguments must therefore be literals.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from headwater.base.codec import Json
from headwater.project.config import Config, merge_calls
from headwater.project.node import Ref, SourceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonFacts:
    """What a Python model says of itself.

    Attributes:
        refs: Calls of ``dbt.ref``, in order.
        sources: Calls of ``dbt.source``, in order.
        config: Merged ``dbt.config`` calls.
        fault: Why the file is no model; empty when it is one.
        line: Line of the fault.
    """

    refs: tuple[Ref, ...] = ()
    sources: tuple[SourceRef, ...] = ()
    config: Config
    fault: str = ""
    line: int = 1


class _Fault(Exception):  # noqa: N818 - never leaves this file
    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.line = line


def read_python_model(code: str) -> PythonFacts:
    """Read the ``dbt`` calls of ``def model(dbt, session)``."""
    try:
        tree = ast.parse(code)
        name = _dbt_name(tree)
        refs: dict[Ref, None] = {}
        sources: dict[SourceRef, None] = {}
        config: Config = {}
        for call, method in _calls(tree, name):
            values, named = _arguments(call, method)
            match method, values:
                case "ref", [str(first)]:
                    refs[Ref(name=first, version=_version(named))] = None
                case "ref", [str(package), str(first)]:
                    refs[Ref(name=first, package=package, version=_version(named))] = None
                case "source", [str(source), str(table)]:
                    sources[SourceRef(source_name=source, name=table)] = None
                case "config", []:
                    merge_calls(config, named)
                case _:
                    _refuse(call, method)
    except _Fault as fault:
        return PythonFacts(config={}, fault=str(fault), line=fault.line)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        return PythonFacts(config={}, fault=f"it is not valid Python: {error}", line=line)
    return PythonFacts(refs=tuple(refs), sources=tuple(sources), config=config)


def _refuse(call: ast.Call, method: str) -> None:
    raise _Fault(f"`dbt.{method}` is called with arguments that it does not take", call.lineno)


def _dbt_name(tree: ast.Module) -> str:
    """Return the name of the model function's first parameter."""
    found = [
        each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == "model"
    ]
    if len(found) != 1:
        what = "it must define exactly one function `model(dbt, session)`"
        raise _Fault(what, found[1].lineno if found else 1)
    parameters = found[0].args.args
    if len(parameters) != 2:  # noqa: PLR2004 - dbt and session
        raise _Fault("`model` must take two parameters, `dbt` and `session`", found[0].lineno)
    return parameters[0].arg


def _calls(tree: ast.Module, name: str) -> Iterator[tuple[ast.Call, str]]:
    calls = [
        (node, node.func.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == name
        and node.func.attr in {"ref", "source", "config"}
    ]
    yield from sorted(calls, key=lambda call: (call[0].lineno, call[0].col_offset))


def _arguments(call: ast.Call, method: str) -> tuple[list[Json], dict[str, Json]]:
    try:
        values = [cast("Json", ast.literal_eval(each)) for each in call.args]
        named = {
            str(each.arg): cast("Json", ast.literal_eval(each.value)) for each in call.keywords
        }
    except ValueError as error:
        what = f"`dbt.{method}` takes literals only, because nothing runs while reading"
        raise _Fault(what, call.lineno) from error
    return values, named


def _version(named: dict[str, Json]) -> str | int | float | None:
    value = named.get("v", named.get("version"))
    return value if value is None or isinstance(value, (str, int, float)) else str(value)
