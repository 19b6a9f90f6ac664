"""The ledger of a span of time, row by row, priced.

Money is computed here, from quantities that were measured and prices that are in force now; the
same runs cost something else with another book.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from headwater.base.codec import decode
from headwater.catalog.ledger import Kind, LedgerRow, ledger_rows, row_of_run
from headwater.catalog.records import RunRecord
from headwater.plan.budgets import owner_of, tags_of
from headwater.plan.prices import SECONDS_PER_HOUR, machine_time
from headwater.plan.state import DeployedNode, Prices
from headwater.runs.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A row of the ledger and what it costs.

    Attributes:
        row: The row.
        money: In the currency of the prices; None when nobody declared a price for it.
        tags: Tags of the node, as it is deployed now.
        owner: Its owner: ``meta.owner``, or else its group; empty for none.
    """

    row: LedgerRow
    money: float | None
    tags: tuple[str, ...] = ()
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which runs are asked for.

    Attributes:
        since: Runs that began at this ISO 8601 UTC time or later; empty for all.
        until: Runs that began before; empty for all.
        run: Beginning of a run's id; empty for all.
    """

    since: str = ""
    until: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Whose a node is, as it is deployed now.

    Attributes:
        tags: Its tags.
        owner: ``meta.owner``, or else its group; empty for none.
    """

    tags: tuple[str, ...] = ()
    owner: str = ""


class Owners:
    """Tags and owners of nodes, read once for each project and target."""

    def __init__(self, context: Context) -> None:
        """Read nothing yet."""
        self._context = context
        self._known: dict[tuple[str, str], Mapping[str, Facts]] = {}

    def facts(self, project: str, target: str, node: str) -> Facts:
        """Return whose a node is; nobody's when it is not deployed."""
        place = (project, target)
        if place not in self._known:
            self._known[place] = _facts_of_nodes(self._context, project, target)
        return self._known[place].get(node, Facts())


@dataclass(frozen=True, slots=True, kw_only=True)
class Charges:
    """The priced ledger of a span.

    Attributes:
        span: What was asked for.
        charges: Row by row, in the order of time.
        prices: At which prices.
        runs: How many runs.
    """

    span: Span
    charges: tuple[Charge, ...]
    prices: Prices | None
    runs: int


def read_charges(context: Context, span: Span, prices: Prices | None) -> Charges:
    """Read and price what was used.

    Args:
        context: The world.
        span: Which runs.
        prices: What quantities cost; None leaves money unknown.

    Raises:
        DataDamaged: ``store-damaged``.
    """
    runs = [
        run
        for run in context.metastore.runs_between(span.since, span.until or "9999")
        if run.run_id.startswith(span.run)
    ]
    attempts = context.metastore.attempts_between(span.since, span.until or "9999")
    rows = [*ledger_rows(runs, attempts), *_machine_rows(runs, prices)]
    charges = sorted(
        charge_rows(context, rows, prices),
        key=lambda each: (each.row.started_at, each.row.run_id, each.row.attempt == 0),
    )
    return Charges(span=span, charges=tuple(charges), prices=prices, runs=len(runs))


def charge_rows(
    context: Context, rows: Iterable[LedgerRow], prices: Prices | None
) -> Iterator[Charge]:
    """Put money, tags and owners beside rows, in their order."""
    owners = Owners(context)
    for row in rows:
        known = owners.facts(row.project, row.target, row.node)
        # Bytes are not billed by whoever rents out machines.
        seconds = row.quantity if row.meter == "cpu_seconds" else 0.0
        yield Charge(row=row, money=money_of(seconds, prices), tags=known.tags, owner=known.owner)


def _machine_rows(runs: Iterable[RunRecord], prices: Prices | None) -> Iterator[LedgerRow]:
    for run in runs:
        for kind, seconds in machine_seconds(run, prices):
            yield row_of_run(run, kind, seconds)


def machine_seconds(run: RunRecord, prices: Prices | None) -> tuple[tuple[Kind, float], ...]:
    """Return what a machine that a run was started for is billed beside the run's work.

    Returns:
        What it stands for, and seconds of one processor; nothing when only work is billed.
    """
    if prices is None or prices.rule is None or run.cpu_seconds is None:
        return ()
    time = machine_time(run.cpu_seconds, run.wall_seconds or 0.0, prices.vcpus, prices.rule)
    return (("idle", time.idle), ("startup", time.startup), ("minimum", time.minimum))


def money_of(cpu_seconds: float, prices: Prices | None) -> float | None:
    """Return what CPU time costs; None when no price is declared."""
    return None if prices is None else cpu_seconds / SECONDS_PER_HOUR * prices.cpu_hour


def _facts_of_nodes(context: Context, project: str, target: str) -> Mapping[str, Facts]:
    found: dict[str, Facts] = {}
    for record in context.metastore.list_nodes(project, target):
        try:
            config = decode(DeployedNode, record.document).config
        except ValueError:  # garbled, or another release's
            continue
        found[record.node] = Facts(tags=tags_of(config), owner=owner_of(config))
    return found
