"""What a statement of a project does to tables: which it writes, how, and which it names besides.

Looks only at what can be told from the text. The engine runs the statement as it is written; this
says beforehand what must be taken out of the lake for it, and what a plan can show.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, TokenError

from headwater.sql.parse import SQL_CHARACTERS_MAX

Parts = tuple[str, ...]
"""A name as written, quotes removed: 1 to 3 parts."""

EffectKind = Literal[
    "insert", "change", "empty", "create", "replace", "create-view", "drop", "alter", "rename"
]
"""``change``: update, delete, merge; ``empty``: truncate; ``replace``: create or replace."""

_PARSER = logging.getLogger("sqlglot")
_STORED = frozenset({"TABLE", "VIEW"})
_FAULTS = (ParseError, TokenError, RecursionError, AttributeError, TypeError, ValueError)
_VALUES = re.compile(
    r"\A(?:\s|--[^\n]*\n|/\*.*?\*/)*+insert\s+into\s[^;']{1,4000}?\bvalues\b",
    re.IGNORECASE | re.DOTALL,
)
_FIRST = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*+([a-z]+)", re.IGNORECASE | re.DOTALL)
_READS = frozenset({"select", "from", "values", "describe", "desc", "show", "explain", "summarize",
                    "pivot", "unpivot", "table"})  # fmt: skip
_SELECT = re.compile(r"\bselect\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one statement writes.

    Attributes:
        kind: How.
        target: The table or view that it writes.
        reads: Tables that it names besides; its own again when it reads that, too. Names of its
            CTEs are left out.
        new_name: For ``rename``, the name that the target gets.
        query: For ``create-view``, the text of the view's query.
        fault: Why the lake cannot keep what the statement asks for; empty when it can.
        is_view: For ``drop``, that a view is meant.
    """

    kind: EffectKind
    target: Parts
    reads: tuple[Parts, ...] = ()
    new_name: Parts = ()
    query: str = ""
    fault: str = ""
    is_view: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a statement names without writing any of it, as far as the text tells.

    Attributes:
        reads: Tables that it names.
    """

    reads: tuple[Parts, ...] = ()


def read_effects(script: str) -> tuple[Effect | Reading, ...] | None:
    """Say what each statement of a script does; None when the text cannot be parsed."""
    if len(script) > SQL_CHARACTERS_MAX and not _is_values(script):
        return None
    _PARSER.addFilter(_is_no_guess)
    try:
        trees = DuckDB().parse(_without_rows(script))
    except _FAULTS:
        return None
    finally:
        _PARSER.removeFilter(_is_no_guess)
    return tuple(_effect(tree, script) for tree in trees if tree)


def _is_no_guess(record: logging.LogRecord) -> bool:
    """Drop the parser's warning of a statement that it keeps as text: the engine has the word."""
    return "contains unsupported syntax" not in record.getMessage()


def only_reads(script: str) -> bool:
    """Say whether a script asks and does nothing else, as far as the text tells."""
    first = _FIRST.match(script)
    word = first[1].lower() if first else ""
    if word == "with":
        return all(isinstance(effect, Reading) for effect in read_effects(script) or ())
    return word in _READS


def written_tables(script: str) -> tuple[str, ...] | None:
    """Return the tables and views that a script makes, changes or drops, in order, once each.

    A change of a bare name is left out, because it may be a temporary table. None when the script
    cannot be parsed.
    """
    effects = read_effects(script)
    if effects is None:
        return None
    written = (
        target
        for effect in effects
        if isinstance(effect, Effect)
        for target in (effect.target, effect.new_name)
        if target and (len(target) > 1 or effect.kind in {"create", "replace", "create-view"})
    )
    return tuple(dict.fromkeys(".".join(target) for target in written))


def _is_values(script: str) -> bool:
    found = _VALUES.match(script)
    return found is not None and not _SELECT.search(script)


def _without_rows(script: str) -> str:
    """Cut the rows of one long ``insert ... values``: they say nothing here and take seconds."""
    found = _VALUES.match(script)
    if found is None or len(script) < len(found[0]) + 2000 or _SELECT.search(script):
        return script
    return f"{found[0]} (null)"


def _effect(tree: exp.Expr, script: str) -> Effect | Reading:
    """Say what a statement does."""
    match tree:
        case exp.Insert() | exp.Update() | exp.Delete() | exp.Merge() | exp.TruncateTable():
            return _change(tree)
        case exp.Drop():
            return _drop(tree)
        case exp.Alter():
            return _alter(tree)
        case exp.Create():
            return _create(tree, script)
        case exp.Comment():
            return Reading()
        case _:
            return Reading(reads=tuple(dict.fromkeys(_named(tree))))


def _change(tree: exp.Expr) -> Effect:
    if isinstance(tree, exp.TruncateTable):
        return Effect(kind="empty", target=_listed(tree)[0])
    if isinstance(tree, exp.Insert):
        fault = _conflict_fault(tree)
        return Effect(kind="insert", target=_target(tree), reads=_besides(tree), fault=fault)
    narrows = any(tree.args.get(key) for key in ("where", "using", "limit"))
    if isinstance(tree, exp.Delete) and not narrows:
        return Effect(kind="empty", target=_target(tree))
    return Effect(kind="change", target=_target(tree), reads=_besides(tree))


def _create(tree: exp.Expr, script: str) -> Effect | Reading:
    kind = str(tree.args.get("kind") or "").upper()
    if kind not in _STORED or _is_temporary(tree):
        return Reading(reads=_besides(tree))
    target, reads = _target(tree), _besides(tree)
    if kind == "VIEW":
        fault = "a view lists its columns" if isinstance(tree.this, exp.Schema) else ""
        query = _query(tree, script)
        return Effect(kind="create-view", target=target, reads=reads, query=query, fault=fault)
    how: EffectKind = "replace" if tree.args.get("replace") else "create"
    return Effect(kind=how, target=target, reads=reads, fault=_column_fault(tree))


def _drop(tree: exp.Expr) -> Effect | Reading:
    kind = str(tree.args.get("kind") or "").upper()
    if kind == "SCHEMA":
        return Effect(kind="drop", target=(), fault="it drops a whole schema")
    if kind not in _STORED:
        return Reading()
    return Effect(kind="drop", target=_listed(tree)[0], is_view=kind == "VIEW")


def _alter(tree: exp.Expr) -> Effect | Reading:
    if str(tree.args.get("kind") or "").upper() not in _STORED:
        return Reading()
    target = _target(tree)
    renamed = next(
        (each for each in tree.args.get("actions") or () if isinstance(each, exp.AlterRename)), None
    )
    if renamed is None:
        return Effect(kind="alter", target=target)
    table = renamed.find(exp.Table)
    new_name = () if table is None else _parts(table)
    if len(new_name) == 1:
        new_name = (*target[:-1], *new_name)
    return Effect(kind="rename", target=target, new_name=new_name)


def _conflict_fault(tree: exp.Expr) -> str:
    if tree.args.get("conflict") or tree.args.get("alternative"):
        return "`on conflict` and `insert or replace` need a key, which tables of the lake lack"
    return ""


def _column_fault(tree: exp.Expr) -> str:
    found = tree.find(exp.DefaultColumnConstraint, exp.ComputedColumnConstraint)
    if found is None or not isinstance(tree.this, exp.Schema):
        return ""
    return "a column has a default or is computed, which the lake does not keep"


def _query(tree: exp.Expr, script: str) -> str:
    """Return the text after the view's ``AS``, as it was written where that can be found."""
    tokens = DuckDB().tokenize(script)
    depth = 0
    for place, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if not depth and token.text.lower() == "as" and place:
            return script[token.end + 1 :].strip().rstrip(";")
    return str(tree.expression.sql(dialect="duckdb"))


def _target(tree: exp.Expr) -> Parts:
    table = _own_table(tree)
    return () if table is None else _parts(table)


def _own_table(tree: exp.Expr) -> exp.Table | None:
    return tree.this if isinstance(tree.this, exp.Table) else tree.this.find(exp.Table)


def _listed(tree: exp.Expr) -> tuple[Parts, ...]:
    named = [*(tree.args.get("tables") or ()), *tree.expressions, tree.args.get("this")]
    return tuple(_parts(table) for table in named if isinstance(table, exp.Table)) or ((),)


def _besides(tree: exp.Expr) -> tuple[Parts, ...]:
    """Return what a statement names, without the place that says what it writes."""
    return tuple(dict.fromkeys(_named(tree, _own_table(tree))))


def _named(tree: exp.Expr, leave_out: exp.Expr | None = None) -> Iterator[Parts]:
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        parts = _parts(table)
        is_cte = len(parts) == 1 and parts[0].lower() in ctes
        if table is not leave_out and parts and not is_cte:
            yield parts


def _parts(table: exp.Table) -> Parts:
    parts = table.parts
    whole = all(isinstance(part, exp.Identifier) for part in parts)
    return tuple(part.name for part in parts) if whole else ()


def _is_temporary(tree: exp.Expr) -> bool:
    properties = tree.args.get("properties")
    found = properties is not None and properties.find(exp.TemporaryProperty) is not None
    return found or bool(tree.args.get("temporary"))
