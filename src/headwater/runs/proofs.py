"""Tells when a test cannot fail, by what the log says of the very files that it would read.

A file's statistics count the nulls of each column as they were written. A test for nulls over files
that have none needs no scan, be the table small or large.
"""

import operator
import re
from collections.abc import Callable

from headwater.base.relations import TableName
from headwater.lake.snapshot import DataFile, Snapshot
from headwater.plan.plan import RunTest

_NULLS = re.compile(
    r'\s*select\s+(?P<column>\w+|"[^"]+")\s+from\s+(?P<relation>"[^"]+"\."[^"]+"\."[^"]+")'
    r"\s+where\s+(?P=column)\s+is\s+null\s*",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\s*(!=|<>|>=|<=|>|<|=)\s*(\d{1,9})\s*")
_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "!=": operator.ne,
    "<>": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}


def has_no_failures(step: RunTest, relation: TableName, table: Snapshot) -> bool:
    """Say whether a test surely finds nothing, and passes when it does.

    Args:
        step: The test.
        relation: The relation that its node builds.
        table: What that would be after the commit.
    """
    found = _NULLS.fullmatch(step.sql)
    if (
        found is None
        or step.macro
        or step.store_in is not None
        or step.fail_calc.strip() != "count(*)"
    ):
        return False
    if found["relation"].lower() != relation.quoted().lower() or table.physical_names:
        return False
    if any(_holds_for_none(condition) is not False for condition in (step.warn_if, step.error_if)):
        return False
    asked = found["column"].strip('"').lower()
    names = [column.name for column in table.columns if column.name.lower() == asked]
    return len(names) == 1 and all(_has_no_nulls(file, names[0]) for file in table.files)


def _holds_for_none(condition: str) -> bool | None:
    """Say whether a condition holds for no failures; None when it is none that is known here."""
    found = _CONDITION.fullmatch(condition)
    return None if found is None else _COMPARED[found[1]](0, int(found[2]))


def _has_no_nulls(file: DataFile, column: str) -> bool:
    if column in file.partition_values:
        return file.partition_values[column] is not None
    stats = file.stats.get(column)
    return stats is not None and stats.null_count == 0
