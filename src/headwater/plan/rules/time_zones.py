"""A time with a zone that is compared with one without.

What it finds:
    In a new or changed model, a comparison of a ``TIMESTAMP`` or a ``DATE`` with a ``TIMESTAMP WITH
    TIME ZONE``, such as ``now()``, that leaves the cast to the engine, and a union of the two.

Why it matters:
    The engine takes the time without a zone for one of the session's zone. On a machine with
    another setting, or on the days on which summer time begins and ends, other rows are compared
    as equal or left out.

Example:
    ``where ordered_at > now() - interval 1 day``, where ``ordered_at`` is stored in UTC and without
    a zone: in a session of Lisbon in summer the window is 23 hours long.

Safer form:
    Say the zone: ``ordered_at at time zone 'UTC'``, or store times with their zone.

Known gaps:
    Only columns whose types are passed on plainly are judged. ``current_date`` is the day of the
    session's zone in any case, and comparing it with either is not reported.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.plan.casts import casts_of
from headwater.plan.draft import Draft
from headwater.plan.rules.rule import Rule
from headwater.sql.casts import ZONED, Casts


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Look at the comparisons and unions of new and changed models."""
    for compiled, casts in casts_of(draft):
        told = list(dict.fromkeys(_told(casts)))
        if not told:
            continue
        more = f", and {len(told) - 1} more" if len(told) > 1 else ""
        yield Diagnostic(
            code="time-zones-mixed",
            severity="warning",
            what=f"`{compiled.node.name}` takes times without a zone for times with one: "
            f"{told[0]}{more}",
            why="the engine takes them to be of the session's zone, which differs from machine to "
            "machine",
            fix="say the zone: `... at time zone 'UTC'`",
            where=compiled.node.where,
            node=compiled.node.unique_id,
        )


def _told(casts: Casts) -> Iterator[str]:
    for mixed in casts.mixed:
        yield (
            f"`{mixed.left}` ({_short(mixed.left_type)}) with `{mixed.right}` "
            f"({_short(mixed.right_type)})"
        )
    for united in casts.united:
        if ZONED in united.types and {"TIMESTAMP", "DATE"} & {*united.types}:
            yield f"`{united.name}` is {' and '.join(map(_short, united.types))} in a union"


def _short(kind: str) -> str:
    return "TIMESTAMPTZ" if kind == ZONED else kind


TIME_ZONES = Rule(code="time-zones-mixed", check=check)
