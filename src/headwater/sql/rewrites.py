"""Where the library's translation to the engine's dialect is wrong: rewritten in the tree first.

Each rewrite was found by running the translated query; one is a function of the tree, its dialect
and a place for what it cannot rewrite.
"""

from collections.abc import Callable, Iterator

from sqlglot import exp

from headwater.sql.dialects import DUCKDB

AddFault = Callable[[exp.Expr, str], None]
"""Takes a node and why it has no equal."""

Rewrite = Callable[[exp.Expr, str, AddFault], None]

_FLATTEN_ARGUMENTS = frozenset({"input", "outer"})
_VARIANTS = frozenset({"snowflake", "databricks"})
_NO_EQUAL: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.MatchRecognize, "`match_recognize`"),
    (exp.HistoricalData, "time travel of the warehouse"),
    (exp.Connect, "`connect by`"),
    (exp.JSONTable, "`json_table`"),
    (exp.XMLTable, "`xmltable`"),
    (exp.Command, "a statement that is not read"),
)


def rewrite(tree: exp.Expr, dialect: str, add: AddFault) -> None:
    """Apply every rewrite, in order, in place."""
    for change in _REWRITES:
        change(tree, dialect, add)


def _without_equal(tree: exp.Expr, dialect: str, add: AddFault) -> None:
    """Find clauses that the library hands on as they are."""
    del dialect
    for node in tree.walk():
        for kind, what in _NO_EQUAL:
            if isinstance(node, kind):
                add(node, f"{what}, which the engine does not have")


def _series_columns(tree: exp.Expr, dialect: str, add: AddFault) -> None:
    """Name the column of ``from generate_series(...) i``, which the engine reads as a row."""
    del dialect, add
    for table in tree.find_all(exp.Table):
        alias = table.args.get("alias")
        is_series = isinstance(table.this, (exp.GenerateSeries, exp.ExplodingGenerateSeries))
        if is_series and alias is not None and alias.this is not None and not alias.columns:
            alias.set("columns", [alias.this.copy()])


def _flattened(tree: exp.Expr, dialect: str, add: AddFault) -> None:
    """Rewrite Snowflake's ``flatten(input => x) f`` as a join of the array's elements."""
    if dialect != "snowflake":
        return
    names: set[str] = set()
    for call in list(tree.find_all(exp.Lateral, exp.TableFromRows)):
        if not isinstance(call.this, exp.Explode):
            continue
        arguments = dict(_arguments(call.this))
        source = arguments.get("input")
        name = call.alias
        if source is None or set(arguments) - _FLATTEN_ARGUMENTS or not name:
            add(call.this, "this form of `flatten`: only `input`, `outer` and an alias are known")
            continue
        names.add(name.lower())
        is_outer = isinstance(outer := arguments.get("outer"), exp.Boolean) and bool(outer.this)
        json = exp.func("from_json", exp.func("to_json", source.copy()), _literal('["JSON"]'))
        _join_rows(call, _elements(json, "value", "index", ("seq", "key", "path")), is_outer)
    _take_texts(tree, names)


def _literal(text: str) -> exp.Expr:
    return exp.Literal.string(text)


def _arguments(call: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    for part in (call.this, *call.expressions):
        if isinstance(part, exp.Kwarg):
            yield part.this.name.lower(), part.expression
        elif part is not None:
            yield "input", part


def _elements(array: exp.Expr, value: str, index: str, empty: tuple[str, ...]) -> exp.Expr:
    """Return a query of an array's elements with their places, from 0."""
    rows = exp.select(exp.alias_(array, "elements")).subquery("flattened")
    return exp.select(
        exp.alias_(exp.func("unnest", exp.column("elements"), dialect=DUCKDB), value),
        exp.maybe_parse(f"unnest(range(len(elements))) as {_quoted(index)}", dialect=DUCKDB),
        *(exp.alias_(exp.null(), name) for name in empty),
    ).from_(rows)


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(DUCKDB)


def _join_rows(call: exp.Expr, rows: exp.Expr, is_outer: bool) -> None:  # noqa: FBT001 - the join's kind
    """Put a lateral join of ``rows`` in the place of a call in FROM."""
    alias = exp.TableAlias(this=exp.to_identifier(call.alias or "_elements"))
    lateral = exp.Lateral(this=exp.Subquery(this=rows), alias=alias)
    above = call.parent
    if isinstance(above, exp.From):
        call.replace(lateral)
        return
    join = above if isinstance(above, exp.Join) else exp.Join()
    join.set("this", lateral)
    if is_outer:
        join.set("kind", None)
        join.set("side", "LEFT")
        join.set("on", exp.true())
    elif not join.args.get("on"):
        join.set("kind", "CROSS")
    if join is not above:
        select = call.parent_select
        call.pop()
        if select is not None:
            select.append("joins", join)


def _take_texts(tree: exp.Expr, names: set[str]) -> None:
    """Read ``f.value::string`` as the element's text, not as its JSON."""
    for cast in tree.find_all(exp.Cast):
        column = cast.this
        is_value = isinstance(column, exp.Column) and column.name.lower() == "value"
        if is_value and column.table.lower() in names and cast.is_type(*exp.DataType.TEXT_TYPES):
            cast.replace(exp.JSONExtractScalar(this=column.copy(), expression=_root()))


def _root() -> exp.Expr:
    return exp.JSONPath(expressions=[exp.JSONPathRoot()])


def _variant_texts(tree: exp.Expr, dialect: str, add: AddFault) -> None:
    """Read ``v:name::string`` as the text, where a cast of JSON would keep its quotes."""
    del add
    if dialect not in _VARIANTS:
        return
    for cast in list(tree.find_all(exp.Cast)):
        path = cast.this.unnest() if isinstance(cast.this, exp.Paren) else cast.this
        if isinstance(path, exp.JSONExtract) and cast.is_type(*exp.DataType.TEXT_TYPES):
            text = exp.JSONExtractScalar(this=path.this.copy(), expression=path.expression.copy())
            cast.replace(text)


def _offsets(tree: exp.Expr, dialect: str, add: AddFault) -> None:
    """Count ``unnest(x) with offset`` from 0, where the engine's ordinality counts from 1."""
    del add
    if dialect != "bigquery":
        return
    for unnest in list(tree.find_all(exp.Unnest)):
        offset = unnest.args.get("offset")
        if not offset or len(unnest.expressions) != 1:
            continue
        index = offset.name if isinstance(offset, exp.Identifier) else "offset"
        alias = unnest.args.get("alias")
        columns = alias.columns if alias is not None else []
        value = columns[0].name if columns else "_element"
        _join_rows(unnest, _elements(unnest.expressions[0].copy(), value, index, ()), False)  # noqa: FBT003


_REWRITES: tuple[Rewrite, ...] = (
    _without_equal,
    _series_columns,
    _flattened,
    _variant_texts,
    _offsets,
)
