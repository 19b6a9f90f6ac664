"""What runs cost: the ledger of a span of time, priced, and added up as someone asks.

Money is computed here, from quantities that were measured and prices that are in force now; the
same runs cost something else with another book.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from headwater.base.codec import Json, decode
from headwater.catalog.ledger import LedgerRow, ledger_rows, row_of_run
from headwater.catalog.records import RunRecord
from headwater.plan.prices import SECONDS_PER_HOUR, machine_time
from headwater.plan.state import DeployedNode, Prices
from headwater.runs.context import Context

By = Literal["model", "type", "tag", "owner", "day", "run", "command", "user", "kind"]


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
class CostLine:
    """What one name used.

    Attributes:
        key: The name: a model's, a day's ...
        attempts: Attempts of nodes counted in it.
        cpu_seconds: CPU time.
        bytes_read: Bytes read.
        bytes_written: Bytes of data files written.
        money: What it costs; None when no price is declared.
        share: Its part of all CPU time, 0 to 1.
    """

    key: str
    attempts: int = 0
    cpu_seconds: float = 0.0
    bytes_read: float = 0.0
    bytes_written: float = 0.0
    money: float | None = None
    share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """What was used in a span of time.

    Attributes:
        since: ISO 8601 time; empty for the beginning.
        until: Likewise; empty for now.
        by: What the lines are of.
        lines: Dearest first; days in their order.
        total: All of them; a row with several tags is counted once.
        runs: How many runs.
        prices: At which prices; None when none is declared.
        billed: What a bill says for the span; None when there is none to compare with.
        unexplained: What the bill says more than the ledger, or less; None likewise.
        schema: Name and version of the document.
    """

    since: str
    until: str
    by: By
    lines: tuple[CostLine, ...]
    total: CostLine
    runs: int
    prices: Prices | None
    billed: float | None = None
    unexplained: float | None = None
    schema: str = "headwater.cost/1"


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
class _Facts:
    tags: tuple[str, ...] = ()
    owner: str = ""


_NO_FACTS = _Facts()


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
    facts: dict[tuple[str, str], Mapping[str, _Facts]] = {}
    for row in rows:
        place = (row.project, row.target)
        if place not in facts:
            facts[place] = _facts_of_nodes(context, *place)
        known = facts[place].get(row.node, _NO_FACTS)
        money = _money_of(row, prices)
        yield Charge(row=row, money=money, tags=known.tags, owner=known.owner)


def _machine_rows(runs: Sequence[RunRecord], prices: Prices | None) -> Iterator[LedgerRow]:
    """Return what a machine that each run was started for is billed beside its work."""
    if prices is None or prices.rule is None:
        return
    for run in runs:
        if run.cpu_seconds is None or run.wall_seconds is None:
            continue
        time = machine_time(run.cpu_seconds, run.wall_seconds, prices.vcpus, prices.rule)
        yield row_of_run(run, "idle", time.idle)
        yield row_of_run(run, "startup", time.startup)
        yield row_of_run(run, "minimum", time.minimum)


def _money_of(row: LedgerRow, prices: Prices | None) -> float | None:
    if prices is None:
        return None
    if row.meter == "cpu_seconds":
        return row.quantity / SECONDS_PER_HOUR * prices.cpu_hour
    return 0.0  # bytes are not billed by whoever rents out machines


def _facts_of_nodes(context: Context, project: str, target: str) -> Mapping[str, _Facts]:
    found: dict[str, _Facts] = {}
    for record in context.metastore.list_nodes(project, target):
        try:
            config = decode(DeployedNode, record.document).config
        except ValueError:  # garbled, or another release's
            continue
        found[record.node] = _Facts(tags=_tags(config.get("tags")), owner=_owner(config))
    return found


def _tags(value: Json) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _owner(config: Mapping[str, Json]) -> str:
    meta = config.get("meta")
    named = meta.get("owner") if isinstance(meta, Mapping) else None
    return str(named or config.get("group") or "")


_EMPTY: Mapping[By, str] = MappingProxyType({"tag": "(no tag)", "owner": "(no owner)"})


def _keys_of(charge: Charge, by: By) -> Iterable[str]:
    row = charge.row
    node = row.name or f"({row.kind})"
    keys: Mapping[By, Callable[[], Iterable[str]]] = {
        "model": lambda: (node,),
        "type": lambda: (row.node.partition(".")[0] or f"({row.kind})",),
        "tag": lambda: charge.tags or (_EMPTY["tag"],),
        "owner": lambda: (charge.owner or _EMPTY["owner"],),
        "day": lambda: (row.started_at[:10],),
        "run": lambda: (row.run_id,),
        "command": lambda: (row.command,),
        "user": lambda: (row.user or "(unknown)",),
        "kind": lambda: (row.kind,),
    }
    return keys[by]()


@dataclass(slots=True)
class _Sum:
    attempts: set[tuple[str, str, int]] = field(default_factory=set)
    quantities: dict[str, float] = field(default_factory=dict)
    money: float = 0.0
    unpriced: bool = False

    def add(self, charge: Charge) -> None:
        row = charge.row
        if row.attempt:
            self.attempts.add((row.run_id, row.node, row.attempt))
        self.quantities[row.meter] = self.quantities.get(row.meter, 0.0) + row.quantity
        self.unpriced = self.unpriced or charge.money is None
        self.money += charge.money or 0.0

    def line(self, key: str, total_cpu: float) -> CostLine:
        cpu = self.quantities.get("cpu_seconds", 0.0)
        return CostLine(
            key=key,
            attempts=len(self.attempts),
            cpu_seconds=cpu,
            bytes_read=self.quantities.get("bytes_read", 0.0),
            bytes_written=self.quantities.get("bytes_written", 0.0),
            money=None if self.unpriced else self.money,
            share=cpu / total_cpu if total_cpu else 0.0,
        )


def add_up(charges: Charges, by: By, *, billed: float | None = None) -> CostReport:
    """Add charges up by what someone asks for.

    Args:
        charges: The priced ledger.
        by: What a line is of.
        billed: What a bill says for the same span, in the currency of the prices.
    """
    sums: dict[str, _Sum] = {}
    total = _Sum()
    for charge in charges.charges:
        total.add(charge)
        for key in _keys_of(charge, by):
            sums.setdefault(key, _Sum()).add(charge)
    cpu = total.quantities.get("cpu_seconds", 0.0)
    lines = [each.line(key, cpu) for key, each in sums.items()]
    if by == "day":
        lines.sort(key=lambda line: line.key)
    else:
        lines.sort(key=lambda line: (-line.cpu_seconds, line.key))
    whole = total.line("total", cpu)
    known = None if billed is None or whole.money is None else billed - whole.money
    return CostReport(
        since=charges.span.since,
        until=charges.span.until,
        by=by,
        lines=tuple(lines),
        total=whole,
        runs=charges.runs,
        prices=charges.prices,
        billed=billed,
        unexplained=known,
    )
