"""Unit tests: a model's own text over given rows, compared with expected rows, as one query.

The query returns the rows that differ, so that it runs, gates and is stored like any other test. No
table is read: every input is replaced with literals of the input's column types.
"""

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Invalid
from headwater.base.ids import NodeId
from headwater.base.relations import Column, quote_identifier
from headwater.graph.ephemeral import CTE_PREFIX, inject
from headwater.graph.resolve import Resolution, find, tested_model
from headwater.jinja.context import Variables, make_env_var
from headwater.jinja.environment import has_jinja
from headwater.project.node import Node, Ref, SourceRef
from headwater.project.project import Project
from headwater.sql.write import quote_literal

ColumnsOf = Callable[[NodeId], tuple[Column, ...] | None]
_CALL = re.compile(r"\s*(ref|source)\s*\(\s*(.*?)\s*\)\s*", re.DOTALL)
_ARGUMENT = re.compile(r"(?:(v|version)\s*=\s*)?(?:'([^']*)'|\"([^\"]*)\"|(\w+))")
THIS = NodeId("this")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows as written.

    Attributes:
        format: ``sql`` is a query, the others are values.
        values: One mapping a row.
        sql: The query of format ``sql``.
    """

    format: Literal["dict", "csv", "sql"]
    values: tuple[Mapping[str, object], ...] = ()
    sql: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTest:
    """A unit test as declared, its names resolved.

    Attributes:
        name: For messages.
        model: The model under test.
        given: Rows by input; ``this`` for the model's own earlier rows.
        expect: Rows that the model must give.
        macros: Values that macros return instead of running.
        variables: Values of ``var``.
        environment: Values of ``env_var``.
    """

    name: str
    model: NodeId
    given: Mapping[NodeId, Rows]
    expect: Rows
    macros: Mapping[str, Json]
    variables: Mapping[str, Json]
    environment: Mapping[str, Json]


def read_unit_test(node: Node, found: Resolution) -> UnitTest:
    """Read a unit test's declaration.

    Raises:
        Invalid: ``unit-test-invalid``.
    """
    declared = node.declared
    model = _resolved(node, tested_model(node), found)
    given: dict[NodeId, Rows] = {}
    entries = declared.get("given")
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            raise _invalid(node.name, f"`given` has an entry that is no mapping: {entry!r}")
        written = str(entry.get("input"))
        key = THIS if written.strip() == "this" else _resolved(node, _call(node, written), found)
        given[key] = _rows(node, entry)
    expect = declared.get("expect")
    if not isinstance(expect, dict):
        raise _invalid(node.name, "it has no `expect`, a mapping with `rows`")
    overrides = declared.get("overrides")
    changed = overrides if isinstance(overrides, dict) else {}
    return UnitTest(
        name=node.name,
        model=model,
        given=given,
        expect=_rows(node, expect),
        macros=_mapping(changed.get("macros")),
        variables=_mapping(changed.get("vars")),
        environment=_mapping(changed.get("env_vars")),
    )


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _call(node: Node, written: str) -> Ref | SourceRef:
    found = _CALL.fullmatch(written)
    arguments = list(_ARGUMENT.finditer(found[2])) if found else []
    plain = [item[2] or item[3] or item[4] for item in arguments if not item[1]]
    version = next((item[2] or item[3] or item[4] for item in arguments if item[1]), None)
    match (found[1] if found else "", plain):
        case "ref", [name]:
            return Ref(name=name, version=version)
        case "ref", [package, name]:
            return Ref(name=name, package=package, version=version)
        case "source", [source, name]:
            return SourceRef(source_name=source, name=name)
        case _:
            raise _invalid(node.name, f"`input: {written}` is neither ref(), source() nor this")


def _resolved(node: Node, call: Ref | SourceRef, found: Resolution) -> NodeId:
    target = find(found.names, node, call)
    if isinstance(target, Diagnostic):
        raise _invalid(node.name, target.what, fix=target.fix)
    return target.unique_id


def _rows(node: Node, entry: Mapping[str, Json]) -> Rows:
    rows, form = entry.get("rows"), entry.get("format") or "dict"
    match form, rows:
        case "sql", str():
            return Rows(format="sql", sql=rows.strip().rstrip(";"))
        case "csv", str():
            table = csv.DictReader(io.StringIO(rows.strip()), skipinitialspace=True)
            values = tuple({key: value or None for key, value in row.items()} for row in table)
            return Rows(format="csv", values=values)
        case "dict", list() | None:
            listed = [row for row in rows or [] if isinstance(row, dict)]
            if len(listed) == len(rows or []):
                return Rows(format="dict", values=tuple(listed))
        case _:
            pass
    raise _invalid(node.name, f"`rows` do not have the format `{form}`")


def with_rendered_rows(test: UnitTest, render: Callable[[str], str]) -> UnitTest:
    """Render the queries that stand for rows: they may have Jinja, as the model's text has.

    Args:
        test: The unit test.
        render: Renders a text in the context of the model under test.

    Raises:
        HeadwaterError: Jinja failed.
    """

    def rendered(rows: Rows) -> Rows:
        return replace(rows, sql=render(rows.sql)) if has_jinja(rows.sql) else rows

    given = {key: rendered(rows) for key, rows in test.given.items()}
    return replace(test, given=given, expect=rendered(test.expect))


def compile_unit_test(test: UnitTest, text: str, columns_of: ColumnsOf) -> str:
    """Write the query of differing rows.

    Args:
        test: The unit test.
        text: The model's text with every input rendered as ``fixture_name`` says.
        columns_of: Columns of a node, None when not known.

    Raises:
        Invalid: ``unit-test-invalid``: a row names a column that there is not.
    """
    fixtures = [
        (fixture_name(key), _query(test, rows, columns_of(test.model if key == THIS else key)))
        for key, rows in test.given.items()
    ]
    actual = inject(text, fixtures)
    names = _names(test.expect.values)
    expected = "select * from __actual where false"  # no row, of whatever columns there are
    if names or test.expect.format == "sql":
        expected = _query(test, test.expect, columns_of(test.model), only_named=True)
    columns = ", ".join(map(quote_identifier, names)) if names else "*"
    return (
        f"with __actual as (\n{actual}\n), __expected as (\n{expected}\n)\n"
        f"{_difference('actual', columns)}\nunion all\n{_difference('expected', columns)}"
    )


def fixture_name(key: NodeId) -> str:
    """Return the CTE that stands for an input."""
    return CTE_PREFIX + "__".join(key.split(".")[1:] or [key])


def _difference(side: str, columns: str) -> str:
    other = "expected" if side == "actual" else "actual"
    rows = f"select {columns} from __{side} except all select {columns} from __{other}"  # noqa: S608
    return f"(select '{side}' as actual_or_expected, * from (\n  {rows}\n))"  # noqa: S608 - quoted


def _names(rows: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for row in rows for name in row))


def _query(
    test: UnitTest, rows: Rows, columns: tuple[Column, ...] | None, *, only_named: bool = False
) -> str:
    if rows.format == "sql":
        return rows.sql
    named = _names(rows.values)
    types = {column.name.lower(): column.type for column in columns or ()}
    unknown = [name for name in named if columns is not None and name.lower() not in types]
    if unknown:
        known = ", ".join(column.name for column in columns or ())
        raise _invalid(test.name, f"there is no column `{unknown[0]}`", fix=f"there are: {known}")
    given = {name.lower() for name in named}
    rest = [column.name for column in columns or () if column.name.lower() not in given]
    listed = [*named, *([] if only_named else rest)]
    if not listed:
        raise _invalid(test.name, "an input has no rows, and its columns are not known")
    selects = [_select(row, listed, types) for row in rows.values]
    return "\nunion all\n".join(selects) or f"{_select({}, listed, types)} where false"


def _select(row: Mapping[str, object], names: Sequence[str], types: Mapping[str, str]) -> str:
    parts = []
    for name in names:
        literal, kind = _literal(row.get(name)), types.get(name.lower(), "")
        value = f"cast({literal} as {kind})" if kind else literal
        parts.append(f"{value} as {quote_identifier(name)}")
    return "select " + ", ".join(parts)


def _literal(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case dt.date() | dt.time():
            text = value.isoformat()
        case dict() | list():
            text = json.dumps(value, default=str)
        case _:
            text = str(value)
    return quote_literal(text)


def _invalid(name: str, why: str, *, fix: str = "") -> Invalid:
    what = f"unit test `{name}` cannot be compiled"
    fix = fix or "give it `model`, `given` with `input` and `rows`, and `expect` with `rows`"
    return Invalid("unit-test-invalid", what, why=why, fix=fix)


def overridden(
    context: Mapping[str, object], test: UnitTest, project: Project
) -> Mapping[str, object]:
    """Return a model's context with a unit test's macros, variables and environment in place."""
    changed = dict(context)
    model = project.nodes[test.model]
    if test.variables:
        values = {**project.vars.get(model.package, {}), **test.variables}
        changed["var"] = Variables(values, is_lenient=False)
    if test.environment:
        environment = {key: str(value) for key, value in test.environment.items()}
        changed["env_var"] = make_env_var({**project.context_values.environment, **environment})
    for name, value in test.macros.items():
        if name != "is_incremental":
            is_value = name in context and not callable(context[name])
            changed[name] = value if is_value else _returning(value)
    return changed


def _returning(value: object) -> Callable[..., object]:
    return lambda *_positional, **_named: value
