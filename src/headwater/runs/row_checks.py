"""Checks a contract's constraints on exactly the rows that a commit would publish."""

# ruff: noqa: S608 - names are quoted; expressions are the project's own

from headwater.base.errors import UserCodeError
from headwater.base.meters import Meter
from headwater.base.relations import quote_identifier
from headwater.base.units import format_count
from headwater.engines.engine import Session
from headwater.plan.plan import RowCheck, Target


def check_rows(session: Session, target: Target) -> Meter:
    """Count the rows that break each constraint, in one pass over the bound relation.

    Raises:
        UserCodeError: ``constraint-violated``, naming every constraint that is broken.
        HeadwaterError: As ``Session.query`` does.
    """
    if not target.row_checks:
        return Meter()
    counts = ", ".join(f"count(*) FILTER (WHERE {_broken(each)})" for each in target.row_checks)
    result = session.query(f"SELECT {counts} FROM {target.relation.quoted()}", rows_max=1)
    found = [
        f"{_label(check)}: {format_count(count)} rows"
        for check, count in zip(target.row_checks, result.rows[0], strict=True)
        if isinstance(count, int) and count
    ]
    if found:
        raise UserCodeError(
            "constraint-violated",
            f"not published: rows of `{target.relation.name}` break its contract",
            why="; ".join(found),
            fix="filter or mend the rows in the model, or correct the constraint",
        )
    return result.meter


def _broken(check: RowCheck) -> str:
    if check.kind == "not_null":
        return f"{quote_identifier(check.column)} IS NULL"
    # As in SQL a check that is unknown for a row is met.
    return f"NOT (\n{check.expression}\n)"


def _label(check: RowCheck) -> str:
    if check.kind == "not_null":
        return f"not_null ({check.column})"
    return f"check {check.name or check.expression}"
