"""Every error and diagnostic code: one kebab name and one number each, for ever.

The first digit of the number is the floor: 1 project and jinja, 2 graph and sql, 3 cost and
policy, 4 risk rules, 6 lake and engines, 7 catalog, 8 runs and jobs. There is no generic code.
"""

from collections.abc import Iterable
from types import MappingProxyType

from headwater.base.codes import (
    append,
    catalog,
    cost,
    earlier,
    engines,
    graph,
    lake,
    prices,
    project,
    query,
    review,
    risk,
    risk_joins,
    risk_reads,
    risk_values,
    runs,
    settings,
    sql,
    verbs,
    warehouses,
)
from headwater.base.codes.code import Code

__all__ = ["CODES", "Code", "code_numbers", "find_code", "find_code_or_none"]

CODES: tuple[Code, ...] = (
    *settings.CODES,
    *project.CODES,
    *graph.CODES,
    *earlier.CODES,
    *review.CODES,
    *sql.CODES,
    *cost.CODES,
    *prices.CODES,
    *risk.CODES,
    *risk_joins.CODES,
    *risk_reads.CODES,
    *risk_values.CODES,
    *lake.CODES,
    *engines.CODES,
    *catalog.CODES,
    *runs.CODES,
    *query.CODES,
    *verbs.CODES,
    *append.CODES,
    *warehouses.CODES,
)

_BY_NAME = MappingProxyType(
    {key: code for code in CODES for key in (code.name, code.number.lower())}
)


def find_code_or_none(name_or_number: str) -> Code | None:
    """Find a code by its kebab name or its number, in any case: ``ref-not-found``, ``HW1203``."""
    return _BY_NAME.get(name_or_number.strip().lower())


def find_code(name_or_number: str) -> Code:
    """Find a code by its kebab name or its number.

    Raises:
        KeyError: There is no such code.
    """
    code = find_code_or_none(name_or_number)
    if code is None:
        raise KeyError(name_or_number)
    return code


def code_numbers(names_or_numbers: Iterable[str]) -> frozenset[str]:
    """Return the numbers of codes given by name or number.

    Raises:
        KeyError: There is no such code; its argument is the name.
    """
    return frozenset(find_code(each).number for each in names_or_numbers)
