"""Which columns a star or ``COLUMNS(...)`` keeps: their tests of names, run on names.

Only what is plain to read is run; a test that is not is None, and the tracer says that it cannot
tell which columns there are.
"""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from sqlglot import exp

NameTest = Callable[[str], bool]

_STAR_TESTS = (exp.Like, exp.ILike, exp.SimilarTo, exp.Glob)


def column_test_or_none(node: exp.Expr) -> NameTest | None:
    """Return the test of ``COLUMNS(...)`` for a column's name; None when it cannot be told."""
    what = node.this
    if isinstance(what, exp.Literal):
        return _pattern_test_or_none(str(what.this), flags=re.IGNORECASE)
    if isinstance(what, exp.Array):
        names = {item.name.lower() for item in what.expressions}
        return lambda name: name.lower() in names
    star = what.this if isinstance(what, exp.Column) else what
    if isinstance(star, exp.Star):
        excluded = {item.name.lower() for item in star.args.get("except_") or ()}
        return lambda name: name.lower() not in excluded
    if isinstance(what, exp.Lambda):
        return _predicate_or_none(what.this, what.expressions[0].name.lower())
    return None


def starred_test_or_none(node: exp.Expr) -> tuple[exp.Expr, NameTest] | None:
    """Return the star and the test of ``* LIKE ...``, ``* NOT ILIKE ...`` and the like."""
    if isinstance(node, exp.Star) and isinstance(node.args.get("ilike"), exp.Literal):
        return exp.Star(), like_test(node.args["ilike"].name, folded=True)
    if isinstance(node, exp.Not):
        inner = starred_test_or_none(node.this)
        return None if inner is None else (inner[0], _opposite(inner[1]))
    if not isinstance(node, _STAR_TESTS) or not node.this.is_star:
        return None
    test = _comparison_or_none(node)
    return None if test is None else (node.this, test)


def like_test(pattern: str, *, folded: bool = False) -> NameTest:
    """Return the test of SQL's LIKE for a name."""
    expression = "".join(
        ".*" if character == "%" else "." if character == "_" else re.escape(character)
        for character in pattern
    )
    compiled = re.compile(expression, re.DOTALL | (re.IGNORECASE if folded else re.NOFLAG))
    return lambda name: compiled.fullmatch(name) is not None


def _predicate_or_none(node: exp.Expr, parameter: str) -> NameTest | None:
    while isinstance(node, exp.Paren):
        node = node.this
    match node:
        case exp.Not():
            inner = _predicate_or_none(node.this, parameter)
            return None if inner is None else _opposite(inner)
        case exp.And() | exp.Or():
            sides = [_predicate_or_none(side, parameter) for side in (node.left, node.right)]
            tests = [side for side in sides if side is not None]
            both = all if isinstance(node, exp.And) else any
            return (lambda name: both(test(name) for test in tests)) if len(tests) > 1 else None
        case _ if node.this is None or node.this.name.lower() != parameter:
            return None
        case _:
            return _comparison_or_none(node)


def _comparison_or_none(node: exp.Expr) -> NameTest | None:
    """Return the test of a comparison of a name with texts."""
    test = _plain_comparison_or_none(node)
    return _opposite(test) if test is not None and node.args.get("negate") else test


def _plain_comparison_or_none(node: exp.Expr) -> NameTest | None:
    if isinstance(node, exp.In):
        listed = node.expressions
        names = {item.name for item in listed}
        is_plain = bool(listed) and all(item.is_string for item in listed)
        return (lambda name: name in names) if is_plain else None
    value = node.args.get("expression")
    if not isinstance(value, exp.Literal) or not value.is_string:
        return None
    return _text_test_or_none(node, value.name)


def _text_test_or_none(node: exp.Expr, text: str) -> NameTest | None:
    tests: dict[type[exp.Expr], NameTest | None] = {
        exp.EQ: lambda name: name == text,
        exp.NEQ: lambda name: name != text,
        exp.Like: like_test(text),
        exp.ILike: like_test(text, folded=True),
        exp.StartsWith: lambda name: name.startswith(text),
        exp.EndsWith: lambda name: name.endswith(text),
        exp.Glob: lambda name: fnmatchcase(name, text),
        exp.SimilarTo: _pattern_test_or_none(text, is_whole=True),
        exp.RegexpFullMatch: _pattern_test_or_none(text, is_whole=True),
        exp.RegexpLike: _pattern_test_or_none(text),
    }
    return tests.get(type(node))


def _opposite(test: NameTest) -> NameTest:
    return lambda name: not test(name)


def _pattern_test_or_none(
    pattern: str, *, flags: re.RegexFlag = re.NOFLAG, is_whole: bool = False
) -> NameTest | None:
    try:
        compiled = re.compile(pattern, flags)
    except re.error:
        return None
    find = compiled.fullmatch if is_whole else compiled.search
    return lambda name: find(name) is not None
