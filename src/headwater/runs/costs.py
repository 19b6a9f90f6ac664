"""What runs cost, added up as someone asks: by model, tag, owner, day and more.

The sums are made where the records are, because a month of hourly runs of a thousand models has
millions of attempts; only what is left of them is priced here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from headwater.catalog.ledger import UsageTotal, short_name
from headwater.catalog.records import RunRecord
from headwater.plan.state import Prices
from headwater.runs.context import Context
from headwater.runs.ledger import Owners, Span, machine_seconds, money_of

By = Literal["model", "type", "tag", "owner", "day", "run", "command", "user", "kind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """What one name used.

    Attributes:
        key: The name: a model's, a day's ...
        attempts: Attempts of nodes counted in it.
        cpu_seconds: CPU time.
        bytes_read: Bytes read from storage.
        logical_bytes: Bytes of the columns read, by their files' statistics; None where nobody
            knows.
        bytes_written: Bytes of data files written.
        money: What it costs; None when no price is declared.
        share: Its part of all CPU time, 0 to 1.
    """

    key: str
    attempts: int = 0
    cpu_seconds: float = 0.0
    bytes_read: float = 0.0
    logical_bytes: float | None = None
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
        unmeasured: Runs that crashed: what they used beside their ended attempts is not known.
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
    unmeasured: int
    prices: Prices | None
    billed: float | None = None
    unexplained: float | None = None
    schema: str = "headwater.cost/1"


_EMPTY: Mapping[By, str] = MappingProxyType({"tag": "(no tag)", "owner": "(no owner)"})


@dataclass(slots=True)
class _Sum:
    attempts: int = 0
    cpu_seconds: float = 0.0
    bytes_read: float = 0.0
    logical_bytes: float | None = None
    bytes_written: float = 0.0

    def add(self, part: UsageTotal) -> None:
        self.attempts += part.attempts
        self.cpu_seconds += part.cpu_seconds
        self.bytes_read += part.bytes_read
        if part.logical_bytes is not None:
            self.logical_bytes = (self.logical_bytes or 0.0) + part.logical_bytes
        self.bytes_written += part.bytes_written

    def line(self, key: str, total_cpu: float, prices: Prices | None) -> CostLine:
        return CostLine(
            key=key,
            attempts=self.attempts,
            cpu_seconds=self.cpu_seconds,
            bytes_read=self.bytes_read,
            logical_bytes=self.logical_bytes,
            bytes_written=self.bytes_written,
            money=money_of(self.cpu_seconds, prices),
            share=self.cpu_seconds / total_cpu if total_cpu else 0.0,
        )


def add_up(
    context: Context, span: Span, by: By, prices: Prices | None, *, billed: float | None = None
) -> CostReport:
    """Add up what the runs of a span cost.

    Args:
        context: The world.
        span: Which runs.
        by: What a line is of.
        prices: What quantities cost; None leaves money unknown.
        billed: What a bill says for the same span, in the currency of the prices.

    Raises:
        DataDamaged: ``store-damaged``.
    """
    until = span.until or "9999"
    runs = [
        run
        for run in context.metastore.runs_between(span.since, until)
        if run.run_id.startswith(span.run)
    ]
    parts = context.metastore.usage_totals(span.since, until, run=span.run, by_run=by == "run")
    owners, sums, total = Owners(context), dict[str, _Sum](), _Sum()
    for part in (*parts, *_machine_totals(runs, prices)):
        total.add(part)
        for key in _keys_of(part, by, owners):
            sums.setdefault(key, _Sum()).add(part)
    lines = [each.line(key, total.cpu_seconds, prices) for key, each in sums.items()]
    if by == "day":
        lines.sort(key=lambda line: line.key)
    else:
        lines.sort(key=lambda line: (-line.cpu_seconds, line.key))
    whole = total.line("total", total.cpu_seconds, prices)
    unmeasured = sum(run.cpu_seconds is None and run.status != "running" for run in runs)
    if runs and unmeasured == len(runs):
        whole = replace(whole, money=None)
    known = None if billed is None or whole.money is None else billed - whole.money
    return CostReport(
        since=span.since,
        until=span.until,
        by=by,
        lines=tuple(lines),
        total=whole,
        runs=len(runs),
        unmeasured=unmeasured,
        prices=prices,
        billed=billed,
        unexplained=known,
    )


def _machine_totals(runs: Iterable[RunRecord], prices: Prices | None) -> Iterator[UsageTotal]:
    for run in runs:
        for kind, seconds in machine_seconds(run, prices):
            yield UsageTotal(
                project=run.project,
                target=run.target,
                command=run.command,
                user=run.user,
                day=run.started_at[:10],
                run_id=run.run_id,
                kind=kind,
                cpu_seconds=seconds,
            )


def _keys_of(part: UsageTotal, by: By, owners: Owners) -> Iterable[str]:
    facts = owners.facts(part.project, part.target, part.node)
    rest = f"({part.kind})"
    keys: Mapping[By, Callable[[], Iterable[str]]] = {
        "model": lambda: (short_name(part.node) or rest,),
        "type": lambda: (part.node.partition(".")[0] or rest,),
        "tag": lambda: facts.tags or (_EMPTY["tag"],),
        "owner": lambda: (facts.owner or _EMPTY["owner"],),
        "day": lambda: (part.day,),
        "run": lambda: (part.run_id,),
        "command": lambda: (part.command,),
        "user": lambda: (part.user or "(unknown)",),
        "kind": lambda: (part.kind,),
    }
    return keys[by]()
