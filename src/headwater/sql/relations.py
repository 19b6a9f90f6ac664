"""Finds the relations that a query typed by a user names, with the places in its text.

``hw sql`` binds them: time travel and paths are Headwater's, not the engine's. Only the places
found here are rewritten, so everything else reaches the engine as it was written.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from headwater.base.relations import quote_identifier
from headwater.sql.parse import SqlFault, check_nesting, place_at, read_tokens, read_trees
from headwater.sql.reads import outside_tables

_STARTS = frozenset({"select", "with", "from", "values", "pivot", "unpivot", "table", "(",
                     "describe", "summarize"})  # fmt: skip


_CHANGES = "table_changes"
_NAMES = frozenset({TokenType.VAR, TokenType.IDENTIFIER})
_EXPLAIN = re.compile(r"\A\s*explain(\s+analyze)?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationUse:
    """One place where a query names a relation.

    Attributes:
        parts: The name as written, quotes removed: 1 to 3 parts.
        version: Table version asked for, or None.
        timestamp: Time asked for, as written, or None.
        path: Folder or URL of a Delta table named by path, or None.
        alias: Its alias, or empty.
        changes: First and last version of ``table_changes('t', 3, 5)``; the last is None for the
            newest. None for the table itself.
        start: Offset of its first character in the text.
        end: Offset after its last character, time travel included, the alias not.
    """

    parts: tuple[str, ...]
    version: int | None = None
    timestamp: str | None = None
    path: str | None = None
    alias: str = ""
    changes: tuple[int, int | None] | None = None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Travel:
    """A time travel clause: token positions, and what it asks for."""

    start: int
    end: int
    version: int | None
    timestamp: str | None


def find_relations(sql: str) -> tuple[RelationUse, ...]:
    """Find every relation that a query reads, in the order of the text; CTEs are not among them.

    Understood besides plain names: ``t VERSION AS OF 3``, ``t TIMESTAMP AS OF '...'``,
    ``t AT (VERSION => 3)``, ``t@v3``, ``table_changes('t', 3, 5)``, ``delta.`/path` `` and
    ``delta."/path"``. Files and other table functions are left to the engine. Statements that are
    not queries name nothing.

    Raises:
        SqlFault: ``sql-syntax`` or ``sql-too-deep``.
    """
    # The library reads EXPLAIN as one opaque command, so it is blanked out; offsets stay.
    sql = _EXPLAIN.sub(lambda match: " " * len(match[0]), sql)
    tokens = _tokens(sql)
    if not tokens or tokens[0].text.lower() not in _STARTS:
        return ()
    check_nesting(tokens, sql)
    kept, travels = _split_travels(tokens, sql)
    kept, changes = _split_changes(kept, sql)
    uses: list[RelationUse] = []
    for tree in read_trees(kept, sql):
        uses += [_use(table, travels, sql) for table in outside_tables(tree)]
    uses = [_with_changes(use, changes) for use in uses]
    _check_used(travels, uses, sql)
    return tuple(sorted(uses, key=lambda use: use.start))


def substitute(sql: str, replacements: Mapping[RelationUse, str]) -> str:
    """Replace the places of some relations and nothing else.

    A relation without an alias gets its own last name as one, so that ``t.column`` still works.

    Args:
        sql: The text in which the relations were found.
        replacements: SQL for each place, such as a quoted name.
    """
    pieces: list[str] = []
    offset = 0
    for use in sorted(replacements, key=lambda use: use.start):
        pieces += [sql[offset : use.start], replacements[use]]
        name = quote_identifier(use.parts[-1])
        if not use.alias and use.path is None and not replacements[use].endswith(name):
            pieces.append(f" AS {name}")
        offset = use.end
    return "".join([*pieces, sql[offset:]])


def original_offset(replacements: Mapping[RelationUse, str], sql: str, offset: int) -> int:
    """Return where a place in the text that ``substitute`` made lies in the original."""
    shift = 0
    for use in sorted(replacements, key=lambda use: use.start):
        start = use.start + shift
        length = len(substitute(sql, {use: replacements[use]})) - len(sql) + use.end - use.start
        if offset < start + length:
            return use.start if offset >= start else offset - shift
        shift += length - (use.end - use.start)
    return offset - shift


def _tokens(sql: str) -> list[Token]:
    try:
        return list(_Dialect().tokenize(sql))
    except (TokenError, RecursionError):
        # A lone backtick may be text of another dialect; the plain reader has the message.
        return read_tokens(sql)


class _Dialect(DuckDB):
    """DuckDB's dialect with names in backticks."""

    class Tokenizer(DuckDB.Tokenizer):
        """Adds the backtick, which DuckDB itself does not know."""

        IDENTIFIERS = ['"', "`"]  # noqa: RUF012 - sqlglot's own form of setting


def _split_travels(tokens: list[Token], sql: str) -> tuple[list[Token], list[_Travel]]:
    """Take time travel out of the tokens, so that what is left is the engine's SQL."""
    kept: list[Token] = []
    travels: list[_Travel] = []
    i = 0
    while i < len(tokens):
        taken = _travel_at(tokens, i, sql) if kept else None
        if taken is None:
            kept.append(tokens[i])
            i += 1
            continue
        count, version, timestamp = taken
        last = tokens[i + count - 1]
        travels.append(_Travel(tokens[i].start, last.end + 1, version, timestamp))
        i += count
    return kept, travels


def _no_version(sign: Token, word: Token, sql: str) -> SqlFault:
    length = word.end + 1 - sign.start
    return SqlFault(
        "sql-syntax",
        f"`{sql[sign.start : word.end + 1]}` names no version",
        place=place_at(sql, sign.start, length),
        fix="write the number behind it: `t@v3`; `hw table history t` lists the versions",
    )


def _check_used(travels: list[_Travel], uses: list[RelationUse], sql: str) -> None:
    """Refuse a version that belongs to no table: one after an alias, or of a CTE.

    Raises:
        SqlFault: ``sql-syntax``.
    """
    used = {use.end for use in uses}
    for travel in travels:
        if travel.end not in used:
            raise SqlFault(
                "sql-syntax",
                f"`{sql[travel.start : travel.end]}` does not stand right after a table's name",
                place=place_at(sql, travel.start, travel.end - travel.start),
                fix="write the version before the alias: `orders@v3 as o`",
            )


Taken = tuple[int, int | None, str | None]


def _travel_at(tokens: list[Token], i: int, sql: str) -> Taken | None:
    words = [token.text.lower() for token in tokens[i : i + 6]]
    if words[0] == "@" and len(words) > 1 and tokens[i].start == tokens[i - 1].end + 1:
        version = re.fullmatch(r"v(\d+)", words[1])
        if version is None and tokens[i - 1].token_type in _NAMES:
            raise _no_version(tokens[i], tokens[i + 1], sql)
        return (2, int(version[1]), None) if version else None
    if words[1:3] == ["as", "of"] and len(words) > 3:  # noqa: PLR2004 - kind, as, of, value
        return _travel_value(words[0], tokens[i + 3], 4)
    if words[:2] == ["at", "("] and len(words) > 5 and words[3] == "=>" and words[5] == ")":  # noqa: PLR2004
        return _travel_value(words[2], tokens[i + 4], 6)
    return None


@dataclass(frozen=True, slots=True)
class _Changes:
    """A call of ``table_changes``."""

    parts: tuple[str, ...]
    first: int
    last: int | None


def _split_changes(tokens: list[Token], sql: str) -> tuple[list[Token], Mapping[int, _Changes]]:
    """Put one name in place of each call of ``table_changes``; return the calls by their start.

    Raises:
        SqlFault: ``sql-syntax``.
    """
    kept: list[Token] = []
    calls: dict[int, _Changes] = {}
    i = 0
    while i < len(tokens):
        token, after = tokens[i], tokens[i + 1 : i + 2]
        if token.text.lower() != _CHANGES or not after or after[0].text != "(":
            kept.append(token)
            i += 1
            continue
        end = next((n for n in range(i, len(tokens)) if tokens[n].text == ")"), len(tokens) - 1)
        calls[token.start] = _changes(tokens[i + 2 : end], token, sql)
        name = Token(
            TokenType.IDENTIFIER,
            _CHANGES,
            line=token.line,
            col=token.col,
            start=token.start,
            end=tokens[end].end,
        )
        kept.append(name)
        i = end + 1
    return kept, calls


def _changes(arguments: list[Token], call: Token, sql: str) -> _Changes:
    texts = [token.text for token in arguments]
    numbers = [int(text) for text in texts[2::2] if text.isdigit()]
    is_whole = texts[1::2] == [","] * len(numbers) and len(texts) == 1 + 2 * len(numbers)
    is_named = bool(arguments) and arguments[0].token_type == TokenType.STRING
    if not is_whole or not is_named or len(numbers) not in {1, 2}:
        raise SqlFault(
            "sql-syntax",
            "`table_changes` wants a table's name in quotes and one or two versions",
            place=place_at(sql, call.start, len(call.text)),
            fix="write `table_changes('orders', 3, 5)`: what versions 3, 4 and 5 changed",
        )
    first, *last = numbers
    parts = tuple(texts[0].replace('"', "").split("."))
    return _Changes(parts, first, last[0] if last else None)


def _with_changes(use: RelationUse, calls: Mapping[int, _Changes]) -> RelationUse:
    call = calls.get(use.start)
    if call is None:
        return use
    return replace(use, parts=call.parts, changes=(call.first, call.last))


def _travel_value(kind: str, value: Token, count: int) -> Taken | None:
    if kind == "version" and value.text.isdigit():
        return count, int(value.text), None
    if kind == "timestamp" and value.token_type == TokenType.STRING:
        return count, None, value.text
    return None


def _use(table: exp.Table, travels: list[_Travel], sql: str) -> RelationUse:
    identifiers = [
        part for key in ("catalog", "db", "this") if (part := table.args.get(key)) is not None
    ]
    start = int(identifiers[0].meta["start"])
    end = int(identifiers[-1].meta["end"]) + 1
    parts = tuple(part.name for part in identifiers)
    alias = table.args.get("alias")
    alias_name = alias.this if isinstance(alias, exp.TableAlias) else None
    travel = _travel_after(travels, sql, end)
    quoted = sql[end - 1] if end <= len(sql) else ""
    return RelationUse(
        parts=parts,
        version=travel.version if travel else None,
        timestamp=travel.timestamp if travel else None,
        path=_path_or_none(parts, quoted),
        alias=alias_name.name if alias_name is not None else "",
        start=start,
        end=travel.end if travel else end,
    )


def _travel_after(travels: list[_Travel], sql: str, end: int) -> _Travel | None:
    for travel in travels:
        if travel.start >= end and _is_space(sql[end : travel.start]):
            return travel
    return None


def _is_space(text: str) -> bool:
    return not re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL).strip()


def _path_or_none(parts: tuple[str, ...], quote: str) -> str | None:
    if len(parts) != 2 or parts[0].lower() != "delta":  # noqa: PLR2004 - delta.`path`
        return None
    is_path = quote == "`" or (quote == '"' and re.search(r"[/\\]", parts[1]) is not None)
    return parts[1] if is_path else None
