"""Functions of a project (``functions/``): their overloads, and what is wrong with them.

An overload is a file of its own that a properties file gives to another function; from here on it
is a part of that function and no node.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.project.findings import suggestion
from headwater.project.node import Node, Overload
from headwater.project.reading import Reading

_LANGUAGES: Mapping[str, str] = {".sql": "sql", ".py": "python", ".js": "javascript"}


def language_of(node: Node) -> str:
    """Return the language that a function is written in: sql, python or javascript."""
    ending = node.original_path[node.original_path.rfind(".") :]
    return _LANGUAGES.get(ending, "sql")


def absorb_overloads(reading: Reading) -> None:
    """Give each overload to its function, with everything that its text refers to."""
    functions = [node for node in reading.nodes.values() if node.resource_type == "function"]
    for node in functions:
        reading.found += _check(node)
        for written in entries_of(node.declared.get("overloads")):
            name = str(written.get("defined_in"))
            key = NodeId(f"function.{node.package}.{name}")
            part = reading.nodes.get(key)
            if part is None or part.overloads:
                reading.found.append(_missing(node, name, [each.name for each in functions]))
                continue
            del reading.nodes[key]
            whole = reading.nodes[node.unique_id]
            overload = Overload(name=name, raw_code=part.raw_code, path=part.original_path)
            reading.nodes[node.unique_id] = replace(
                whole,
                overloads=(*whole.overloads, overload),
                refs=tuple(dict.fromkeys((*whole.refs, *part.refs))),
                sources=tuple(dict.fromkeys((*whole.sources, *part.sources))),
                functions=tuple(dict.fromkeys((*whole.functions, *part.functions))),
                macros=tuple(sorted({*whole.macros, *part.macros})),
            )


def entries_of(written: Json) -> list[Mapping[str, Json]]:
    """Return the mappings of a list; what is none is left out."""
    return [each for each in written if isinstance(each, dict)] if isinstance(written, list) else []


def _missing(node: Node, name: str, known: list[str]) -> Diagnostic:
    return Diagnostic(
        code="properties-shape",
        severity="error",
        what=f"overload `{name}` of function `{node.name}` is no file, or another's overload",
        why="`defined_in` names a file of `functions/`, without its ending",
        fix=suggestion(name, known) or f"write `functions/{name}.sql`",
        where=node.where,
        node=node.unique_id,
    )


def _check(node: Node) -> Iterator[Diagnostic]:
    if language_of(node) == "javascript":
        yield Diagnostic(
            code="model-language",
            severity="error",
            what=f"function `{node.name}` is written in JavaScript, which nothing here runs",
            fix="write it in SQL or Python",
            where=node.where,
            node=node.unique_id,
        )
    has_default = False
    for argument in entries_of(node.declared.get("arguments")):
        if argument.get("default_value") is None and has_default:
            yield Diagnostic(
                code="properties-shape",
                severity="error",
                what=f"Non-defaulted argument '{argument.get('name')}' of function '{node.name}' "
                "comes after a defaulted argument",
                why="a call could not tell which of them it leaves out",
                fix="put the arguments with a default_value last",
                where=node.where,
                node=node.unique_id,
            )
        has_default = has_default or argument.get("default_value") is not None
