"""The SQL of each raw table, with the knobs filled in.

It is apart from the driver so that tests and benchmarks can make the same rows in any engine
without a lake.
"""

import dataclasses
import datetime as dt
import string
from pathlib import Path

FOLDER = Path(__file__).parent
TABLES = (
    "carriers",
    "vessels",
    "tariffs",
    "exchange_rates",
    "weather",
    "port_calls",
    "container_moves",
    "invoices",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """What the data is like; each one is a ``$name`` in the SQL.

    Attributes:
        scale: 1 is some 10 million container moves in 90 days.
        seed: Another seed is another harbor with the same habits.
        first_day: Calendar day of day 0. The default has clock changes in New York and
            Los Angeles (day 1), Rotterdam and Felixstowe (day 22) and Sydney (day 28 UTC).
        late_share: Share of rows that arrive more than three days after their event.
        late_days_max: No row arrives later than this many days; at least 4.
        duplicate_share: Share of rows that are sent twice.
        update_share: Share of moves that are corrected or voided later.
        out_of_order_share: Share of moves whose oldest state is delivered last.
        skew_share: Share of moves of the largest carrier.
        null_key_share: Share of rows without their key.
        cancelled_share: Share of port calls that are cancelled.
        correction_share: Share of invoices with a negative correction.
        vessel_change_share: Share of vessels that change flag, carrier or owner on a day.
        type_change_day: Day from which amounts are written ``1234.56``, not ``1.234,56``.
    """

    scale: float = 0.01
    seed: int = 7
    first_day: dt.date = dt.date(2026, 3, 7)
    late_share: float = 0.018
    late_days_max: int = 9
    duplicate_share: float = 0.015
    update_share: float = 0.03
    out_of_order_share: float = 0.006
    skew_share: float = 0.38
    null_key_share: float = 0.002
    cancelled_share: float = 0.04
    correction_share: float = 0.05
    vessel_change_share: float = 0.01
    type_change_day: int = 18


def raw_sql(table: str, knobs: Knobs, days: range) -> str:
    """Return the SELECT for the rows of ``table`` that arrive on ``days``, all values filled in."""
    shared = (FOLDER / "_shared.sql").read_text(encoding="utf-8")
    query = (FOLDER / f"{table}.sql").read_text(encoding="utf-8")
    values = {
        field.name: _literal(getattr(knobs, field.name)) for field in dataclasses.fields(knobs)
    }
    values |= {"from_day": str(days.start), "to_day": str(days.stop)}
    return string.Template(query.replace("with shared", shared.rstrip(), 1)).substitute(values)


def _literal(value: object) -> str:
    """Write a number or a date as SQL; nothing else can be a knob."""
    match value:
        case dt.date():
            return f"date '{value.isoformat()}'"
        case int() | float():
            return str(value)
        case _:
            message = f"a knob is a number or a date, not {value!r}"
            raise TypeError(message)
