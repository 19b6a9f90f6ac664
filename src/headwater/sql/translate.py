"""Another warehouse's SQL to the embedded engine's, with everything that cannot be said in it.

The library drops or passes on what a dialect lacks; here each such place is found and named, so
that nothing runs which would mean something else.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError
from sqlglot.optimizer.annotate_types import annotate_types

from headwater.base.relations import TableName
from headwater.sql.dialects import DUCKDB
from headwater.sql.duckdb_functions import KNOWN_CALLS
from headwater.sql.parse import check_nesting, place_at, read_tokens, read_trees
from headwater.sql.reads import outside_tables
from headwater.sql.rewrites import rewrite

Place = tuple[int, int, int]
"""Line and column from 1, and the length in characters."""

_CALL = re.compile(r"([A-Za-z_]\w*)\(")
_SHOWN_MAX = 60
_PARTS = ("catalog", "db", "this")
_SIDES = ("this", "expression")
_INTEGERS = frozenset(exp.DataType.INTEGER_TYPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untranslated:
    """A place that has no equal in the engine's SQL.

    Attributes:
        what: The construct, as a clause.
        place: Where it is in the text that was given.
        is_sure: False: it may mean the same, which depends on types that are not known.
    """

    what: str
    place: Place
    is_sure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """What came of a text.

    Attributes:
        sql: In the engine's dialect; meaningless when a fault is sure.
        faults: What could not be translated, in the order of the text.
    """

    sql: str
    faults: tuple[Untranslated, ...] = ()


def translate(
    sql: str, dialect: str, *, catalog: str = "", names: Mapping[tuple[str, ...], TableName]
) -> Translation:
    """Translate statements to the engine's dialect.

    Args:
        sql: One statement or several.
        dialect: Its dialect.
        catalog: Where ``schema.table`` is.
        names: Known relations by their lower-case parts; they are written by their whole names.

    Raises:
        SqlFault: It cannot be parsed.
    """
    tokens = read_tokens(sql, dialect)
    check_nesting(tokens, sql)
    texts: list[str] = []
    faults: list[Untranslated] = []
    for tree in read_trees(tokens, sql, dialect):
        found = _Faults(sql)
        rewrite(tree, dialect, found.add)
        annotate_types(tree, dialect=dialect)
        _find_divisions(tree, dialect, found)
        _find_calls(tree, found)
        _name_tables(tree, catalog, names)
        texts.append(_written(tree, found))
        faults += found.faults
    faults.sort(key=lambda fault: fault.place)
    return Translation(sql=";\n".join(texts), faults=tuple(dict.fromkeys(faults)))


def engine_type(written: str, dialect: str) -> str:
    """Spell a warehouse's type as the engine does; what cannot be read stays."""
    return _type(written, dialect, DUCKDB)


def warehouse_type(written: str, dialect: str) -> str:
    """Spell the engine's type as a warehouse does; what cannot be read stays."""
    return _type(written, DUCKDB, dialect)


def _type(written: str, read: str, write: str) -> str:
    if read == write or not written:
        return written
    try:
        return exp.DataType.build(written, dialect=read).sql(write)
    except (SqlglotError, ValueError):
        return written


class _Faults:
    """Collects faults, each with its place in the text."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self.faults: list[Untranslated] = []

    def add(self, node: exp.Expr, what: str, *, is_sure: bool = True) -> None:
        """Note a construct at the place of its node."""
        self.faults.append(Untranslated(what=what, place=self._place(node), is_sure=is_sure))

    def word(self, node: exp.Expr) -> str:
        """Return the word at a node's own place; empty when the node has none."""
        start, end = node.meta.get("start"), node.meta.get("end")
        if not isinstance(start, int) or not isinstance(end, int):
            return ""
        return self._sql[start : end + 1].strip('"`')

    def _place(self, node: exp.Expr) -> Place:
        """Find where a node begins: its own place, that of what is in it, or around it."""
        for each in (*node.walk(), *_around(node)):
            start, end = each.meta.get("start"), each.meta.get("end")
            if isinstance(start, int) and isinstance(end, int):
                return place_at(self._sql, start, end - start + 1)
        return (1, 1, 1)


def _around(node: exp.Expr) -> Iterator[exp.Expr]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def _written(tree: exp.Expr, found: _Faults) -> str:
    """Write the tree; what the engine's dialect does not support becomes faults."""
    try:
        return tree.sql(DUCKDB, pretty=True, unsupported_level=ErrorLevel.IMMEDIATE)
    except UnsupportedError:
        _find_unsupported(tree, found)
    except (SqlglotError, AttributeError, TypeError, ValueError, KeyError, IndexError) as error:
        # The library's own slips on trees that no dialect but the source's expects.
        found.add(tree, f"a construct that cannot be written: {error}")
    return ""


def _find_unsupported(tree: exp.Expr, found: _Faults) -> None:
    """Find the innermost nodes that cannot be written, each with its reason."""
    blamed: set[tuple[int, str]] = set()
    for node in reversed(list(tree.walk())):
        try:
            node.sql(DUCKDB, unsupported_level=ErrorLevel.IMMEDIATE)
        except UnsupportedError as error:
            reason = str(error)
            is_inner = any((id(part), reason) in blamed for part in node.walk() if part is not node)
            blamed.add((id(node), reason))
            if not is_inner:
                word = found.word(node)
                found.add(node, f"{f'`{word}`' if word else _shown(node)}: {_as_clause(reason)}")
        except (SqlglotError, AttributeError, TypeError, ValueError, KeyError, IndexError):
            continue  # a part that stands only inside its parent


def _as_clause(reason: str) -> str:
    return reason.rstrip(".") or "not supported"


def _shown(node: exp.Expr) -> str:
    text = " ".join(node.sql(unsupported_level=ErrorLevel.IGNORE).split())
    return f"`{text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + '...'}`"


def _find_calls(tree: exp.Expr, found: _Faults) -> None:
    """Find calls of functions that the engine does not have."""
    for node in tree.find_all(exp.Func):
        name = _called(node)
        if name and name.lower() not in KNOWN_CALLS:
            written = found.word(node) or name.lower()
            found.add(node, f"the function `{written}`, which the engine does not have")


def _called(node: exp.Func) -> str:
    """Return the name that the engine would be asked for; empty for what is no call."""
    try:
        text = node.sql(DUCKDB, unsupported_level=ErrorLevel.IGNORE)
    except (SqlglotError, AttributeError, TypeError, ValueError, KeyError, IndexError):
        return ""  # writing the whole reports it
    match = _CALL.match(text)
    return match[1] if match else ""


def _find_divisions(tree: exp.Expr, dialect: str, found: _Faults) -> None:
    """Find divisions that cut for integers there, whose operands may be integers."""
    if not Dialect.get_or_raise(dialect).TYPED_DIVISION:
        return
    for node in tree.find_all(exp.Div):
        sides = [side.type for side in (node.this, node.expression) if side.type is not None]
        known = [side.this for side in sides if side.this != exp.DataType.Type.UNKNOWN]
        if len(known) == len(_SIDES) or any(each not in _INTEGERS for each in known):
            continue
        what = f"the division {_shown(node)} cuts for integers there, and never on the engine"
        found.add(node, what, is_sure=False)


def _name_tables(tree: exp.Expr, catalog: str, names: Mapping[tuple[str, ...], TableName]) -> None:
    """Write every stored relation by the name that the lake has for it."""
    for table in list(outside_tables(tree)):
        parts = [table.args[key].name for key in _PARTS if table.args.get(key) is not None]
        known = names.get(tuple(part.lower() for part in parts))
        if known is None and len(parts) == len(_PARTS) - 1 and catalog:
            known = TableName(catalog, *parts)
        if known is None:
            continue
        for key, part in zip(_PARTS, (known.catalog, known.schema, known.name), strict=True):
            table.set(key, exp.to_identifier(part, quoted=True))
