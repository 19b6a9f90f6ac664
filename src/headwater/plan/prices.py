"""Money from quantities: CPU time at its price, a month of runs, a machine's bill.

Quantities are what is recorded; a price is applied when they are shown, so another price re-reads
the same history.
"""

from dataclasses import dataclass, replace
from typing import Literal

from headwater.base.errors import Invalid
from headwater.base.settings import Settings
from headwater.base.units import UNKNOWN, Estimate, worst_grade
from headwater.plan.books import PriceBook, Rule
from headwater.plan.plan import MachineBill
from headwater.plan.state import Prices

SECONDS_PER_HOUR = 3600.0
BILLINGS = ("cpu", "machine")


def declared_prices(settings: Settings, book: PriceBook | None = None) -> Prices | None:
    """Return the prices that the settings declare; None when there is none for CPU time.

    Args:
        settings: A figure of the user's, or which machine of the book.
        book: The price book that the settings name, its contract laid over it.

    Raises:
        Invalid: ``setting-invalid``, when the book has machines and none is named.
        NotFound: ``price-not-found``.
    """
    billing = settings.text("prices.billing") or "cpu"
    if billing not in BILLINGS:
        raise Invalid(
            "setting-invalid",
            f"setting `prices.billing` is `{billing}`",
            fix="write cpu or machine",
        )
    for name in ("prices.cpu_hour", "prices.runs_per_month", "prices.budget_month"):
        value = settings.number(name)
        if value is not None and value < 0:
            raise Invalid(
                "setting-invalid",
                f"setting `{name}` is {value:g}, which is below zero",
                fix="write what it is, or take the line out",
            )
    cpu_hour = settings.number("prices.cpu_hour")
    if cpu_hour is not None:
        return Prices(
            name=settings.text("prices.name") or "declared",
            cpu_hour=cpu_hour,
            source=settings.text("prices.source") or "",
            runs_per_month=settings.number("prices.runs_per_month"),
            budget_month=settings.number("prices.budget_month"),
        )
    return None if book is None else _of_book(settings, book, bills_machine=billing == "machine")


def _of_book(settings: Settings, book: PriceBook, *, bills_machine: bool) -> Prices:
    name = settings.text("prices.machine")
    if name is None:
        known = ", ".join(each.type for each in book.machines)
        raise Invalid(
            "setting-invalid",
            f"setting `prices.machine` is missing: the book `{book.version}` prices machines",
            why=f"its machines are: {known}" if known else "it has none, so it prices no run here",
            fix="name one of them as `prices.machine`, or give `prices.cpu_hour` instead",
        )
    region = settings.text("prices.region") or ""
    found = machine_prices(book, name, region, bills_machine=bills_machine)
    return replace(
        found,
        name=settings.text("prices.name") or found.name,
        runs_per_month=settings.number("prices.runs_per_month"),
        budget_month=settings.number("prices.budget_month"),
    )


def machine_prices(
    book: PriceBook, machine: str, region: str, *, bills_machine: bool = False
) -> Prices:
    """Return what runs cost on a machine of a book.

    Args:
        book: The price book, its contract laid over it.
        machine: Kind of machine.
        region: Region of its price; may be empty for a book without regions.
        bills_machine: Bill the machine's time, not only the work.

    Raises:
        NotFound: ``price-not-found``.
    """
    kind = book.machine(machine)
    hour = book.machine_hour(kind, region)
    line = book.find_or_none("machine_hour", region=region, sku=kind.type)
    line = line or book.find_or_none("vcpu_hour", region=region, family=kind.family)
    storage = book.find_or_none("gb_month", region=region)
    service = line.service if line else ""
    return Prices(
        name=f"{book.version} {kind.type}",
        cpu_hour=hour / kind.vcpus,
        cpu_hour_at_list=book.machine_hour(kind, region, at_list=True) / kind.vcpus,
        source=line.source if line else "",
        currency=book.currency,
        book=book.version,
        digest=book.digest,
        machine=kind.type,
        region=region,
        vcpus=kind.vcpus,
        gb_month=None if storage is None else storage.paid,
        rule=book.rule(kind.provider, service) if bills_machine else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineTime:
    """What a machine was billed for beside a run's CPU time, in seconds of one processor.

    The parts and the CPU time add up to ``billed``.

    Attributes:
        billed: All processors, as long as the machine is billed.
        idle: Processors that had nothing to do while the run went on.
        startup: While the machine started.
        minimum: What rounding up and the shortest billed time add.
    """

    billed: float = 0.0
    idle: float = 0.0
    startup: float = 0.0
    minimum: float = 0.0


def machine_time(cpu_seconds: float, wall_seconds: float, vcpus: int, rule: Rule) -> MachineTime:
    """Split what a machine is billed for a run that it was started for.

    Args:
        cpu_seconds: All CPU time of the run.
        wall_seconds: How long the run took.
        vcpus: Processors of the machine.
        rule: How its time is billed.
    """
    startup = rule.startup_seconds * vcpus
    if not rule.idle_billed:
        return MachineTime(billed=cpu_seconds + startup, startup=startup)
    # The clocks of work tick more finely than the one of the wall: no machine works overtime.
    present = max(wall_seconds * vcpus, cpu_seconds)
    billed = max(rule.billed_seconds(present / vcpus) * vcpus, present + startup)
    return MachineTime(
        billed=billed,
        idle=present - cpu_seconds,
        startup=startup,
        minimum=billed - present - startup,
    )


def times(estimate: Estimate, factor: float) -> Estimate:
    """Multiply an estimate by a proved factor."""
    if estimate.value is None or estimate.low is None:
        return UNKNOWN
    return Estimate(
        value=estimate.value * factor,
        low=estimate.low * factor,
        high=None if estimate.high is None else estimate.high * factor,
        grade=estimate.grade,
        runs=estimate.runs,
    )


def price_of(cpu_seconds: Estimate, prices: Prices | None) -> Estimate:
    """Return the dollars of CPU time; unknown when no price is declared."""
    if prices is None:
        return UNKNOWN
    return times(cpu_seconds, prices.cpu_hour / SECONDS_PER_HOUR)


def bill_of(
    cpu_seconds: Estimate, wall_seconds: Estimate, prices: Prices | None
) -> MachineBill | None:
    """Foresee the bill of a machine that is started for a run; None when only work is billed.

    Args:
        cpu_seconds: Of all that the run does.
        wall_seconds: How long it takes.
        prices: With the rule by which the machine is billed.
    """
    if prices is None or prices.rule is None:
        return None
    if cpu_seconds.value is None or wall_seconds.value is None:
        return MachineBill()
    rule, hour = prices.rule, prices.cpu_hour / SECONDS_PER_HOUR
    grade = worst_grade([cpu_seconds.grade, wall_seconds.grade])
    ends = [
        None if cpu is None or wall is None else machine_time(cpu, wall, prices.vcpus, rule)
        for cpu, wall in (
            (cpu_seconds.low, wall_seconds.low),
            (cpu_seconds.value, wall_seconds.value),
            (cpu_seconds.high, wall_seconds.high),
        )
    ]

    def money(part: Literal["billed", "idle", "startup", "minimum"]) -> Estimate:
        low, value, high = (None if end is None else getattr(end, part) * hour for end in ends)
        known = [each for each in (low, value, high) if each is not None]
        # More work leaves less idle: the ends of a part need not be in the order of the work's.
        return Estimate(
            value=value,
            low=None if low is None else min(known),
            high=None if high is None else max(known),
            grade=grade,
        )

    return MachineBill(
        billed=money("billed"),
        idle=money("idle"),
        startup=money("startup"),
        minimum=money("minimum"),
    )


def month_of(dollars: Estimate, prices: Prices | None) -> Estimate:
    """Return the dollars of a month of runs; unknown when no number of runs is declared."""
    if prices is None or prices.runs_per_month is None:
        return UNKNOWN
    return times(dollars, prices.runs_per_month)
