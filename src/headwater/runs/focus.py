"""The ledger as FOCUS 1.2 rows, and a bill in that form: the columns of the FinOps Foundation.

Source: FinOps Open Cost and Usage Specification 1.2, focus.finops.org. Columns with ``x_`` are
ours, as the specification asks of columns that it does not define.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from math import inf, isfinite
from pathlib import Path
from types import MappingProxyType

from headwater.base.codec import encode
from headwater.base.errors import Invalid, NotFound
from headwater.plan.prices import SECONDS_PER_HOUR
from headwater.plan.state import Prices
from headwater.runs.ledger import Charge, Charges, Span

Cell = str | float
_UNITS = MappingProxyType(
    {
        "cpu_seconds": "Seconds",
        "bytes_read": "Bytes",
        "logical_bytes": "Bytes",
        "bytes_written": "Bytes",
    }
)


def focus_rows(charges: Charges) -> Iterator[Mapping[str, Cell]]:
    """Return the priced ledger, a row a quantity, each with the same columns in the same order."""
    for charge in charges.charges:
        yield {
            **_who(charge, charges.prices),
            **_what(charge, charges.prices),
            **_ours(charge, charges.prices),
        }


def _who(charge: Charge, prices: Prices | None) -> Mapping[str, Cell]:
    row = charge.row
    provider = prices.book.partition("@")[0] if prices else ""
    started = datetime.fromisoformat(row.started_at).astimezone(UTC)
    month = started.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
    return {
        "BillingAccountId": row.project,
        "BillingAccountName": row.project,
        "BillingCurrency": prices.currency if prices else "",
        "BillingPeriodStart": _zulu(month.isoformat()),
        "BillingPeriodEnd": _zulu(following.isoformat()),
        "InvoiceIssuerName": provider,
        "ProviderName": provider,
        "PublisherName": provider,
        "RegionId": prices.region if prices else "",
        "ServiceCategory": "Analytics",
        "ServiceName": "Headwater",
        "SubAccountId": row.target,
    }


def _what(charge: Charge, prices: Prices | None) -> Mapping[str, Cell]:
    row = charge.row
    money: Cell = "" if charge.money is None else charge.money
    is_cpu = row.meter == "cpu_seconds"
    unit_price: Cell = "" if prices is None else prices.cpu_hour if is_cpu else 0.0
    listed: Cell = "" if prices is None else prices.list_cpu_hour if is_cpu else 0.0
    at_list = charge.money
    if prices is not None and charge.money is not None and prices.cpu_hour:
        at_list = charge.money * prices.list_cpu_hour / prices.cpu_hour
    return {
        "BilledCost": money,
        "EffectiveCost": money,
        "ListCost": "" if at_list is None else at_list,
        "ContractedCost": money,
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": f"{row.kind} {row.name}".strip(),
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": _zulu(row.started_at),
        "ChargePeriodEnd": _end(row.started_at, row.finished_at),
        "ConsumedQuantity": row.quantity,
        "ConsumedUnit": _UNITS[row.meter],
        "PricingQuantity": row.quantity / SECONDS_PER_HOUR if is_cpu else row.quantity,
        "PricingUnit": "vCPU-Hours" if is_cpu else _UNITS[row.meter],
        "ListUnitPrice": listed,
        "ContractedUnitPrice": unit_price,
        "ResourceId": row.node,
        "ResourceName": row.name,
        "ResourceType": row.node.partition(".")[0],
        "SkuId": prices.machine if prices else "",
        "SkuMeter": row.meter,
        "Tags": encode(dict.fromkeys(charge.tags, True)).decode(),
    }


def _ours(charge: Charge, prices: Prices | None) -> Mapping[str, Cell]:
    row = charge.row
    return {
        "x_Attempt": row.attempt,
        "x_Command": row.command,
        "x_Host": row.host,
        "x_Kind": row.kind,
        "x_Owner": charge.owner,
        "x_PriceBook": prices.digest if prices else "",
        "x_RunId": row.run_id,
        "x_Status": row.status,
        "x_User": row.user,
    }


def _zulu(time: str) -> str:
    """Return a time as the specification wants it: UTC, whole seconds, ending in Z."""
    return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _end(started_at: str, finished_at: str) -> str:
    """Return the whole second after a charge: the specification has the end outside of it."""
    started = datetime.fromisoformat(started_at)
    finished = datetime.fromisoformat(finished_at or started_at)
    last = max(started, finished).replace(microsecond=0)
    return _zulu((last + timedelta(seconds=1)).isoformat())


def read_bill(file: Path, span: Span, currency: str = "") -> float:
    """Add up the billed cost of a bill's rows whose charge period begins in a span.

    Args:
        file: A CSV file with FOCUS columns.
        span: Which time; rows without ``ChargePeriodStart`` count always.
        currency: Of the prices that it is compared with; empty to take any.

    Raises:
        NotFound: ``bill-unreadable``, when there is no such file.
        Invalid: ``bill-unreadable``, when it is no such file.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            return _billed(file, csv.DictReader(text), span, currency)
    except FileNotFoundError as error:
        raise NotFound(
            "bill-unreadable", f"there is no bill `{file}`", fix="give the path of its CSV file"
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(file, str(error)) from error


def _billed(file: Path, lines: "csv.DictReader[str]", span: Span, currency: str) -> float:
    total = 0.0
    if "BilledCost" not in (lines.fieldnames or ()):
        raise _unreadable(file, "it has no column `BilledCost`")
    for number, line in enumerate(lines, start=2):
        try:
            is_in = _is_in(line.get("ChargePeriodStart") or "", span)
        except ValueError as error:
            raise _unreadable(file, f"line {number}: {error}") from error
        if not is_in:
            continue
        other = line.get("BillingCurrency") or currency
        if currency and other != currency:
            raise _unreadable(file, f"line {number} is in {other}, and the prices in {currency}")
        try:
            cost = float(line["BilledCost"] or 0)
        except (TypeError, ValueError):
            cost = inf
        if not isfinite(cost):
            raise _unreadable(file, f"line {number} has the billed cost {line['BilledCost']!r}")
        total += cost
    return total


def _is_in(time: str, span: Span) -> bool:
    if not time:
        return True
    moment = _moment(time)
    begun = not span.since or _moment(span.since) <= moment
    return begun and (not span.until or moment < _moment(span.until))


def _moment(time: str) -> datetime:
    """Read an ISO 8601 time; without a zone it is UTC, as the specification asks."""
    moment = datetime.fromisoformat(time)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _unreadable(file: Path, why: str) -> Invalid:
    return Invalid(
        "bill-unreadable",
        f"the bill `{file}` cannot be read",
        why=why,
        fix="export it as CSV in the form of FOCUS, with the columns BilledCost and "
        "ChargePeriodStart",
    )
