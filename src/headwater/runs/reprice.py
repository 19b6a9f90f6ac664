"""What the same runs would cost by another price book, or on another kind of machine.

For another price the answer is exact: the quantities are the same. For another machine the CPU time
changes, by a ratio that was measured or given; without one the question is not answered.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from headwater.base.errors import Invalid
from headwater.plan.prices import machine_prices
from headwater.plan.state import Prices
from headwater.runs.books import find_book, laid_over
from headwater.runs.calibrate import find_calibration_or_none, speed_of
from headwater.runs.context import Context
from headwater.runs.costs import CostLine, add_up
from headwater.runs.ledger import Span

SPEED_FACTOR = 1.28
"""Half width of the interval around a CPU time that was carried over to another kind of machine of
the same size: nine of ten queries lie within it (ClickBench, DuckDB on c6a and c8g 4xlarge)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Who asks what for work.

    Attributes:
        book: Name, version or file of a price book.
        machine: A kind of machine of it.
        region: A region of it; empty for a book without regions.
        contract: File of a contract laid over it; None without one.
        speed: How many times as much work a processor of the machine does in a second as one of
            the other offer's; None to go by what the project has measured.
        bills_machine: Bill the machine's time, not only the work.
    """

    book: str
    machine: str
    region: str = ""
    contract: str | None = None
    speed: float | None = None
    bills_machine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RepricedLine:
    """What one node's runs cost before and after.

    Attributes:
        key: The node.
        before: By the first offer.
        after: By the second.
        low: Lower end of the 90 % interval of ``after``; the same when it is exact.
        high: Upper end.
    """

    key: str
    before: float
    after: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceDifference:
    """What a span's runs cost by two offers.

    Attributes:
        before: Prices of the first.
        after: Prices of the second.
        lines: Node by node, the largest difference first.
        total: All of them.
        runs: How many runs.
        speed: The ratio of work a second that was used; 1 when only prices differ.
        is_exact: Whether only prices differ.
        break_even: From which speed on the second offer is cheaper; None when it is free.
        schema: Name and version of the document.
    """

    before: Prices
    after: Prices
    lines: tuple[RepricedLine, ...]
    total: RepricedLine
    runs: int
    speed: float
    is_exact: bool
    break_even: float | None
    schema: str = "headwater.price-diff/1"


def compare_prices(
    context: Context, root: Path, span: Span, before: Offer, after: Offer
) -> PriceDifference:
    """Price the runs of a span twice.

    Args:
        context: The world.
        root: Folder of the project, for price books.
        span: Which runs.
        before: The first offer.
        after: The second.

    Raises:
        NotFound: ``price-book-not-found``, ``price-not-found``.
        Invalid: ``price-book-malformed``; ``machine-not-measured``, when the machines differ and
            no speed is given; ``currencies-differ``.
    """
    one, other = _prices_of(root, before), _prices_of(root, after)
    if one.currency != other.currency:
        raise Invalid(
            "currencies-differ",
            f"`{one.book}` is in {one.currency} and `{other.book}` in {other.currency}",
            why="an exchange rate would be a price that no book has",
            fix="compare books of one currency",
        )
    is_exact = one.machine == other.machine and after.speed is None
    if after.bills_machine and not is_exact:
        raise Invalid(
            "machine-not-measured",
            "nobody knows how long the runs would take on another machine",
            why="`prices.billing: machine` bills time of the machine, and only work carries over",
            fix="compare the work alone: prices.billing: cpu",
        )
    speed = 1.0 if is_exact else after.speed or _measured_speed(root, one, other)
    slower = replace(other, cpu_hour=other.cpu_hour / speed)
    first = add_up(context, span, "model", one)
    second = add_up(context, span, "model", slower)
    factor = 1.0 if is_exact else SPEED_FACTOR
    by_key = {line.key: line for line in second.lines}
    lines = [_line(line, by_key[line.key], factor) for line in first.lines]
    lines.sort(key=lambda line: (-abs(line.after - line.before), line.key))
    total = _line(first.total, second.total, factor)
    return PriceDifference(
        before=one,
        after=other,
        lines=tuple(lines),
        total=total,
        runs=first.runs,
        speed=speed,
        is_exact=is_exact,
        break_even=other.cpu_hour / one.cpu_hour if one.cpu_hour else None,
    )


def _prices_of(root: Path, offer: Offer) -> Prices:
    book = laid_over(find_book(offer.book, root).book, offer.contract, root)
    return machine_prices(book, offer.machine, offer.region, bills_machine=offer.bills_machine)


def _measured_speed(root: Path, one: Prices, other: Prices) -> float:
    before = find_calibration_or_none(root, one.machine)
    after = find_calibration_or_none(root, other.machine)
    if before is None or after is None:
        raise _not_measured(one, other)
    return speed_of(before, after)


def _line(before: CostLine, after: CostLine, factor: float) -> RepricedLine:
    was, will = before.money or 0.0, after.money or 0.0
    return RepricedLine(
        key=before.key, before=was, after=will, low=will / factor, high=will * factor
    )


def _not_measured(one: Prices, other: Prices) -> Invalid:
    even = other.cpu_hour / one.cpu_hour if one.cpu_hour else 1.0
    return Invalid(
        "machine-not-measured",
        f"nobody knows how fast `{other.machine}` is beside `{one.machine}`",
        why=f"its CPU-hour costs {even:.2f} times as much: it is cheaper when its processor does "
        f"more than {even:.2f} times the work",
        fix="measure each: `hw calibrate --save --as MACHINE` on both, or pass --speed",
    )
