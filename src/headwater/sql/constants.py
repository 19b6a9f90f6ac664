"""Conditions with constants: what a WHERE clause surely says of one column of one source.

Only shapes whose meaning is plain are read: a column compared with a constant, a list of them, a
null. All else says nothing, which is always true.
"""

import re
from collections.abc import Callable

from sqlglot import exp

from headwater.base.conditions import (
    AllOf,
    AnyOf,
    Condition,
    Constant,
    ConstantKind,
    IsNull,
    Within,
    all_of,
    any_of,
)

NameOf = Callable[[exp.Expr], str | None]
"""The name, in lower case, of the column of the source that an expression is; None for others."""

_INTEGER = re.compile(r"\d{1,38}")
_DECIMAL = re.compile(r"\d{0,38}\.\d{0,38}")
_TYPED: dict[exp.DType, ConstantKind] = {
    exp.DType.DATE: "date",
    exp.DType.TIMESTAMP: "timestamp",
    exp.DType.TIMESTAMPNTZ: "timestamp",
    exp.DType.TIMESTAMPTZ: "zoned",
}
_MIRRORED = {exp.EQ: exp.EQ, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.GTE: exp.LTE}


def condition_or_none(node: exp.Expr, name_of: NameOf, *, with_nulls: bool) -> Condition | None:
    """Return what a condition surely says of the columns of one source; None for nothing.

    Args:
        node: The condition.
        name_of: Tells the source's columns.
        with_nulls: A null in a column is one that is stored, and not one that a join put in the
            place of a row that it did not find.
    """
    node = node.unnest()
    match node:
        case exp.And():
            sides = (node.this, node.expression)
            return all_of(condition_or_none(side, name_of, with_nulls=with_nulls) for side in sides)
        case exp.Or():
            sides = (node.this, node.expression)
            return any_of(condition_or_none(side, name_of, with_nulls=with_nulls) for side in sides)
        case exp.Is(expression=exp.Null()):
            name = name_of(node.this) if with_nulls else None
            return None if name is None else IsNull(column=name)
        case exp.Not(this=inner):
            return _not_null_or_none(inner.unnest(), name_of)
        case exp.Between():
            return _between_or_none(node, name_of)
        case exp.In():
            return _listed_or_none(node, name_of)
        case exp.EQ() | exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
            return _compared_or_none(node, name_of)
        case _:
            return None


def _not_null_or_none(inner: exp.Expr, name_of: NameOf) -> Condition | None:
    is_null = isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null)
    name = name_of(inner.this) if is_null else None
    return None if name is None else Within(column=name)


def _between_or_none(node: exp.Between, name_of: NameOf) -> Condition | None:
    name = name_of(node.this)
    low, high = constant_or_none(node.args["low"]), constant_or_none(node.args["high"])
    if name is None or low is None or high is None or node.args.get("symmetric"):
        return None
    if _family(low) != _family(high):
        return None  # all three are compared as one type, which may be neither of theirs
    return Within(column=name, low=low, high=high)


def _listed_or_none(node: exp.In, name_of: NameOf) -> Condition | None:
    name = name_of(node.this)
    constants = [constant_or_none(each) for each in node.expressions]
    others = [
        key for key, value in node.args.items() if value and key not in {"this", "expressions"}
    ]
    if name is None or others or not constants:
        return None
    values = [each for each in constants if each is not None]
    if len(values) < len(constants) or len({_family(each) for each in values}) > 1:
        return None  # one list has one type, which may not be the one of each of its constants
    return any_of(Within(column=name, low=each, high=each) for each in values)


def _compared_or_none(node: exp.Binary, name_of: NameOf) -> Condition | None:
    kind = type(node)
    name, value = name_of(node.this), constant_or_none(node.expression)
    if name is None or value is None:
        kind = _MIRRORED[kind]
        name, value = name_of(node.expression), constant_or_none(node.this)
    if name is None or value is None:
        return None
    low = value if kind in {exp.EQ, exp.GT, exp.GTE} else None
    high = value if kind in {exp.EQ, exp.LT, exp.LTE} else None
    return Within(column=name, low=low, high=high)


def constant_or_none(node: exp.Expr) -> Constant | None:
    """Read a constant; None for what is none, or whose type is not plain."""
    node = node.unnest()
    match node:
        case exp.Neg(this=exp.Literal() as inner):
            found = constant_or_none(inner)
            is_number = found is not None and found.kind in {"integer", "decimal"}
            return Constant(found.kind, f"-{found.text}") if found and is_number else None
        case exp.Literal(is_string=True):
            return Constant("text", str(node.this))
        case exp.Literal():
            return _number_or_none(str(node.this))
        case exp.TryCast():
            return None
        case exp.Cast(this=exp.Literal(is_string=True) as inner):
            kind = _TYPED.get(node.to.this) if not node.to.expressions else None
            return None if kind is None else Constant(kind, str(inner.this))
        case _:
            return None


def _number_or_none(text: str) -> Constant | None:
    if _INTEGER.fullmatch(text):
        return Constant("integer", text)
    return Constant("decimal", text) if _DECIMAL.fullmatch(text) and len(text) > 1 else None


def _family(constant: Constant) -> str:
    return "number" if constant.kind in {"integer", "decimal"} else constant.kind


def renamed_or_none(condition: Condition, names: Callable[[str], str | None]) -> Condition | None:
    """Say a condition of other names: those of the columns that are passed on under the old ones.

    Args:
        condition: The condition.
        names: The new name of a column; None where there is none, which then says nothing.
    """
    match condition:
        case Within() | IsNull():
            return _renamed_part(condition, names(condition.column))
        case AllOf(parts):
            return all_of(renamed_or_none(part, names) for part in parts)
        case AnyOf(parts):
            return any_of(renamed_or_none(part, names) for part in parts)


def _renamed_part(part: Within | IsNull, name: str | None) -> Condition | None:
    if name is None:
        return None
    if isinstance(part, IsNull):
        return IsNull(column=name)
    return Within(column=name, low=part.low, high=part.high)


def without_nulls(condition: Condition | None) -> Condition | None:
    """Leave out what is said of nulls, where a join may have made them."""
    match condition:
        case None | IsNull():
            return None
        case Within():
            return condition
        case AllOf(parts):
            return all_of(without_nulls(part) for part in parts)
        case AnyOf(parts):
            return any_of(without_nulls(part) for part in parts)
