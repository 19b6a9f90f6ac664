"""Whether a value fits a column: it must come back out as it went in.

DuckDB's casts round and cut where they can (1.5 becomes 2, a time becomes its day), which a user
who loads a file is never told.
"""

import re

_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT"})
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_NESTED = re.compile(r"(STRUCT|MAP)\(.*\)|.*\]", re.DOTALL)
_LETTERS = r"[+-]?[A-Za-z]+"
_PLAIN = re.compile(
    r"BOOLEAN|U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*\)|DATE|TIMESTAMP.*"
)


def fits(value: str, source: str, target: str) -> str:
    """Write the condition that a value fits a column; empty when it always does.

    Args:
        value: Name of the value.
        source: Its type.
        target: The column's type.
    """
    if target in {source, "VARCHAR"}:
        return ""
    cast = f"TRY_CAST({_clean(value, source, target)} AS {target})"
    test = f"{cast} IS NOT NULL"
    if source == "VARCHAR":
        pattern = _pattern(target)
        if pattern:
            test = f"regexp_full_match(trim({value}), '{pattern}') AND {test}"
        if target in _FLOATS:
            # Too large a number would become infinity; who means that writes it in letters.
            in_letters = f"regexp_full_match(trim({value}), '{_LETTERS}')"
            test = f"{test} AND (isfinite({cast}) OR {in_letters})"
    elif _may_go_back(source, target):
        test = f"{test} AND TRY_CAST({cast} AS {source}) = {value}"
    return f"{value} IS NULL OR ({test})"


def _may_go_back(source: str, target: str) -> bool:
    """Say whether a value that was stored can be compared with what it was."""
    if _NESTED.fullmatch(source) and _NESTED.fullmatch(target):
        return "JSON" not in source  # whose text has many spellings
    return bool(_PLAIN.fullmatch(source) and _PLAIN.fullmatch(target))


def stored(value: str, source: str, target: str) -> str:
    """Write a value in the type of its column; those that do not fit are left out before."""
    return f"TRY_CAST({_clean(value, source, target)} AS {target})"


def _clean(value: str, source: str, target: str) -> str:
    return f"trim({value})" if source == "VARCHAR" and _PLAIN.fullmatch(target) else value


def _pattern(target: str) -> str:
    """Return what text of a type looks like; empty when the cast itself is strict."""
    if target in _INTEGERS:
        return r"[+-]?(0|[1-9]\d*)"  # what has zeros in front would lose them
    if target == "DATE":
        return r"\d{4}-\d{1,2}-\d{1,2}"
    if target == "TIMESTAMP":
        return r"[^+Zz]*\d"
    if (decimal := _DECIMAL.fullmatch(target)) is not None:
        return rf"[+-]?\d*(\.\d{{0,{decimal[2]}}}0*)?"
    return ""
