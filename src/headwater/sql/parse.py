"""SQL text to one query's tree, or a fault that points at the text.

The only way into ``headwater.sql``: whatever a user writes ends here as a `Query` or a `SqlFault`,
never as a crash of the parser.
"""

import re
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from headwater.base.errors import Invalid
from headwater.base.spans import Span
from headwater.sql.dialects import DUCKDB, RESERVED_WORDS, require_dialect

SQL_CHARACTERS_MAX = 2_000_000
"""Longest SQL text that is parsed, in characters."""

NESTING_MAX = 150
"""Deepest nesting of brackets, CASE and prefix operators. The parser recurses some five frames a
level, and CPython allows 1,000; measured, 200 levels pass and 300 may not."""

BARE_JOINS_MAX = 8
"""Most joins in a row without a condition; the parser tries 2^n readings of them."""

_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
_PREFIX = frozenset(
    {
        TokenType.NOT,
        TokenType.DASH,
        TokenType.PLUS,
        TokenType.TILDE,
        TokenType.INTERVAL,
    }
)
_BEFORE_FROM_FIRST = frozenset(
    {TokenType.L_PAREN, TokenType.R_PAREN, TokenType.UNION, TokenType.ALL, TokenType.DISTINCT}
    | {TokenType.EXCEPT, TokenType.INTERSECT, TokenType.SEMICOLON}
)
_NESTING = _OPENING | _PREFIX | {TokenType.ARROW}
_QUERY_STARTS = frozenset({"select", "with", "from", "values", "pivot", "unpivot", "table", "("})
_NAME_ENDS = frozenset({"from", ",", ")", ".", "as", "=", ";", "where", ""})
_NAME_STARTS = frozenset({"select", ",", "(", ".", "as", "=", "by", "and", "or", "on"})


_SYNTAX_FIX = "Check the commas, brackets and keywords here and just before"


class SqlFault(Invalid):
    """SQL that is not one query which can be read.

    Attributes:
        line: Line in the SQL text, counted from 1.
        column: Column on that line, counted from 1, in characters.
        length: Characters that are wrong, at least 1.
    """

    def __init__(self, code: str, what: str, *, place: tuple[int, int, int], fix: str = "") -> None:
        super().__init__(code, what, fix=fix)
        self.line, self.column, self.length = place

    def span(self, file: str) -> Span:
        """Return the place as a span of ``file``, whose text is the SQL."""
        end = self.column + self.length
        return Span(file=file, line=self.line, column=self.column, end_column=end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query that parsed.

    Attributes:
        text: As written.
        dialect: Its dialect.
        tree: sqlglot's tree; read only, and only inside ``headwater.sql``.
    """

    text: str
    dialect: str
    tree: exp.Expr


def parse_query(sql: str, *, dialect: str = DUCKDB) -> Query:
    """Parse one query.

    Raises:
        SqlFault: ``sql-syntax``, ``sql-empty``, ``sql-not-a-query``, ``sql-too-deep`` or
            ``reserved-word``, with the place in the text.
        Invalid: ``dialect-unknown``.
    """
    name = require_dialect(dialect)
    if len(sql) > SQL_CHARACTERS_MAX:
        what = f"the query has {len(sql):,} characters; the most is {SQL_CHARACTERS_MAX:,}"
        raise SqlFault("sql-too-deep", what, place=(1, 1, 1), fix="split it into several models")
    tokens = read_tokens(sql, name)
    _check_start(tokens, sql)
    check_nesting(tokens, sql)
    trees = read_trees(tokens, sql, name)
    if len(trees) > 1:
        raise SqlFault(
            "sql-not-a-query",
            f"there are {len(trees)} statements where one query is wanted",
            place=_second_statement(tokens, sql),
            fix="keep the query; put other statements into pre_hook or post_hook",
        )
    tree = trees[0]
    if not isinstance(tree, (exp.Query, exp.Values, exp.Pivot)):
        raise _not_a_query(tokens[0], sql)
    _check_reserved(tree, sql, name)
    return Query(text=sql, dialect=name, tree=tree)


def read_tokens(sql: str, dialect: str = DUCKDB) -> list[Token]:
    """Split SQL into tokens; comments are not among them.

    Raises:
        SqlFault: ``sql-syntax``, when a string, name or comment is not closed.
    """
    try:
        return list(Dialect.get_or_raise(dialect).tokenize(sql))
    except (TokenError, RecursionError) as error:
        place = _unclosed(sql)
        raise SqlFault(
            "sql-syntax",
            "the query has a string, quoted name or comment that is never closed",
            place=place_at(sql, place),
            fix="close it with the same mark that opens it",
        ) from error


def place_at(sql: str, offset: int, length: int = 1) -> tuple[int, int, int]:
    """Return line and column (from 1) of a character offset, and the length."""
    return (
        sql.count("\n", 0, offset) + 1,
        offset - (sql.rfind("\n", 0, offset) + 1) + 1,
        max(1, length),
    )


def read_trees(tokens: list[Token], sql: str, dialect: str = DUCKDB) -> list[exp.Expr]:
    """Parse tokens of ``sql`` into one tree a statement.

    Raises:
        SqlFault: ``sql-syntax``, ``reserved-word`` or ``sql-too-deep``.
    """
    try:
        trees = Dialect.get_or_raise(dialect).parser().parse(tokens, sql)
    except ParseError as error:
        raise _syntax_fault(error, tokens, sql, dialect) from error
    except RecursionError as error:
        raise _too_deep(sql, 0) from error
    except (AttributeError, TypeError, ValueError, KeyError, IndexError) as error:
        # The parser's own slips on hostile text; the user's view is the same.
        what = "the query cannot be parsed"
        raise SqlFault("sql-syntax", what, place=(1, 1, 1), fix=_SYNTAX_FIX) from error
    found = [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]
    if _may_begin_with_from(tokens):
        for tree in found:
            _join_to_selects(tree)
    return found


def _may_begin_with_from(tokens: list[Token]) -> bool:
    """Say whether some query may be written ``from t join u ... select ...``."""
    kinds = [token.token_type for token in tokens]
    return any(
        kind == TokenType.FROM and (index == 0 or kinds[index - 1] in _BEFORE_FROM_FIRST)
        for index, kind in enumerate(kinds)
    )


def _join_to_selects(tree: exp.Expr) -> None:
    """Put joins where they are with SELECT first; the parser leaves them with the first table."""
    for clause in tree.find_all(exp.From):
        select, first = clause.parent, clause.this
        joins = first.args.get("joins")
        if joins and isinstance(select, exp.Select):
            first.set("joins", None)
            select.set("joins", [*joins, *(select.args.get("joins") or ())])


def _check_start(tokens: list[Token], sql: str) -> None:
    first = next((token for token in tokens if token.text != ";"), None)
    if first is None:
        raise SqlFault(
            "sql-empty",
            "there is no SQL in it, only space and comments",
            place=(1, 1, 1),
            fix="write a select, or remove the file",
        )
    if first.text.lower() not in _QUERY_STARTS:
        raise _not_a_query(first, sql)


def _not_a_query(token: Token, sql: str) -> SqlFault:
    return SqlFault(
        "sql-not-a-query",
        f"it starts with `{token.text}`, but a query is wanted",
        place=place_at(sql, token.start, len(token.text)),
        fix="start with select, with, from, values, pivot or unpivot; "
        "other statements belong into pre_hook or post_hook",
    )


def _too_deep(sql: str, offset: int) -> SqlFault:
    return SqlFault(
        "sql-too-deep",
        f"the query nests deeper than {NESTING_MAX} levels",
        place=place_at(sql, offset),
        fix="split it into CTEs or models",
    )


def check_nesting(tokens: list[Token], sql: str) -> None:
    """Refuse what would take the parser too deep or too long.

    Raises:
        SqlFault: ``sql-too-deep``, or ``sql-syntax`` for a run of joins without conditions.
    """
    kinds = [token.token_type for token in tokens]
    nesting = sum(map(_NESTING.__contains__, kinds))
    # A token adds two levels at most, so most queries need no counting of who closes what.
    if 2 * nesting <= NESTING_MAX and kinds.count(TokenType.JOIN) <= BARE_JOINS_MAX:
        return
    depth = prefix = arrows = indexes = joins = 0
    before = TokenType.SENTINEL
    for token in tokens:
        kind = token.token_type
        if kind in _OPENING:
            depth += 1
        elif kind in _CLOSING:
            depth = max(0, depth - 1)
        prefix = prefix + 1 if kind in _PREFIX else 0
        arrows = _arrow_run(arrows, kind)
        indexes = _index_run(indexes, kind, before)
        before = kind
        joins = _join_run(joins, kind)
        if depth + prefix + arrows + indexes > NESTING_MAX:
            raise _too_deep(sql, token.start)
        if joins > BARE_JOINS_MAX:
            raise SqlFault(
                "sql-syntax",
                f"more than {BARE_JOINS_MAX} joins in a row have no `on` or `using`",
                place=place_at(sql, token.start, len(token.text)),
                fix="give each join its condition, or write `cross join`",
            )


def _arrow_run(arrows: int, kind: TokenType) -> int:
    """Count ``x -> y -> z``: each lambda is inside the one before."""
    if kind == TokenType.ARROW:
        return arrows + 1
    return arrows if kind == TokenType.VAR else 0


def _index_run(indexes: int, kind: TokenType, before: TokenType) -> int:
    """Count ``a[1][2]``: the parser copies the whole chain at each link."""
    if kind == TokenType.L_BRACKET and before == TokenType.R_BRACKET:
        return indexes + 1
    inside = {TokenType.L_BRACKET, TokenType.R_BRACKET, TokenType.NUMBER, TokenType.STRING}
    return indexes if kind in inside or kind == TokenType.VAR else 0


def _join_run(joins: int, kind: TokenType) -> int:
    match kind:
        case TokenType.JOIN:
            return joins + 1
        case TokenType.ON | TokenType.USING:
            return max(0, joins - 1)
        case TokenType.CROSS | TokenType.NATURAL | TokenType.POSITIONAL:
            return joins - 1
        case TokenType.SELECT:
            return 0
        case _:
            return joins


def _second_statement(tokens: list[Token], sql: str) -> tuple[int, int, int]:
    index = next(i for i, token in enumerate(tokens) if token.text == ";")
    after = next((token for token in tokens[index:] if token.text != ";"), tokens[index])
    return place_at(sql, after.start, len(after.text))


def _syntax_fault(error: ParseError, tokens: list[Token], sql: str, dialect: str) -> SqlFault:
    index = _error_index(error, tokens)
    reserved = _reserved_near(tokens, index, dialect)
    if reserved is not None:
        return _reserved_fault(reserved.text, reserved.start, sql)
    detail = error.errors[0] if error.errors else {}
    said = re.sub(r"<Token .*", "the end", str(detail.get("description", "cannot be parsed")))
    if said.lower().startswith("required keyword"):  # the rest names classes of the library
        said = "something is missing"
    if index is None:
        what = f"the query ends too early: {_as_clause(said)}"
        last = tokens[-1]
        return SqlFault(
            "sql-syntax",
            what,
            place=place_at(sql, last.start, len(last.text)),
            fix=_SYNTAX_FIX,
        )
    token = tokens[index]
    return SqlFault(
        "sql-syntax",
        f"the query cannot be parsed at `{_shown(token, sql)}`: {_as_clause(said)}",
        place=place_at(sql, token.start, token.end - token.start + 1),
        fix=_SYNTAX_FIX,
    )


def _shown(token: Token, sql: str) -> str:
    return sql[token.start : token.end + 1][:40].replace("`", "'")


def _as_clause(said: str) -> str:
    text = said.replace("Invalid expression / Unexpected token", "unexpected here").rstrip(".")
    return text[:1].lower() + text[1:]


def _error_index(error: ParseError, tokens: list[Token]) -> int | None:
    if not error.errors:
        return None
    detail = error.errors[0]
    place = (detail.get("line"), detail.get("col"))
    for index, token in enumerate(tokens):
        if (token.line, token.col) == place:
            return index
    return None


def _reserved_near(tokens: list[Token], index: int | None, dialect: str) -> Token | None:
    at = len(tokens) if index is None else index
    words = RESERVED_WORDS.get(dialect, frozenset())
    for i in (at, at - 1, at + 1):
        if not 0 <= i < len(tokens) or tokens[i].text.lower() not in words:
            continue
        if tokens[i].token_type in {TokenType.STRING, TokenType.IDENTIFIER}:
            continue
        before = tokens[i - 1].text.lower() if i else ""
        after = tokens[i + 1].text.lower() if i + 1 < len(tokens) else ""
        if before in _NAME_STARTS and after in _NAME_ENDS:
            return tokens[i]
    return None


def _reserved_fault(word: str, offset: int, sql: str) -> SqlFault:
    return SqlFault(
        "reserved-word",
        f"`{word}` is a reserved word and names nothing unless it is quoted",
        place=place_at(sql, offset, len(word)),
        fix=f'write "{word}", or choose another name',
    )


def _check_reserved(tree: exp.Expr, sql: str, dialect: str) -> None:
    words = RESERVED_WORDS.get(dialect, frozenset())
    found: list[tuple[int, str]] = []
    for identifier in tree.find_all(exp.Identifier):
        word = identifier.args.get("this")
        if identifier.args.get("quoted") or not isinstance(word, str) or word.lower() not in words:
            continue
        offset = identifier.meta.get("start")
        if offset is None or sql[offset : offset + len(word)] != word:
            continue
        if not _may_be_any_word(identifier, sql, offset):
            found.append((offset, word))
    if found:
        offset, word = min(found)
        raise _reserved_fault(word, offset, sql)


def _may_be_any_word(identifier: exp.Identifier, sql: str, offset: int) -> bool:
    """DuckDB takes any word after a dot, and as the output name after ``as``."""
    before = sql[:offset].rstrip()
    if before.endswith("."):
        return True
    is_output = isinstance(identifier.parent, exp.Alias)
    return is_output and re.search(r"(?i)\bas$", before) is not None


def _unclosed(sql: str) -> int:
    """Find the offset of the first string, name or comment that is never closed."""
    offset = 0
    for match in _CLOSED.finditer(sql):
        if match.start() != offset:
            break
        offset = match.end()
    return min(offset, max(0, len(sql) - 1))


_CLOSED = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*(?s:.)*?\*/|\$(\w*)\$(?s:.)*?\$\1\$"
    r"|[^'\"/$-]|-(?!-)|/(?!\*)|\$"
)
