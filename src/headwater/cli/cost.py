"""``hw cost``: what runs used and what that costs, and how well it was foreseen."""

import csv
import io
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import ParamSpec, TypeVar, get_args

import click
from click.core import ParameterSource

from headwater.base.errors import Invalid
from headwater.base.units import format_bytes, format_money, format_seconds
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit, emit_document, emit_lines, note, output_option
from headwater.plan.state import Prices
from headwater.runs.accuracy import AccuracyReport, ErrorLine
from headwater.runs.costs import By, CostLine, CostReport
from headwater.runs.focus import focus_rows, read_bill
from headwater.runs.ledger import Charges, Span
from headwater.runs.stored import StoredReport, StoredTable

P = ParamSpec("P")
R = TypeVar("R")

_UNITS: Mapping[str, str] = MappingProxyType(
    {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
)
_KEY_WIDTH_MAX = 44
_SHOWN_MAX = 30
_SHARE_MIN = 0.0005


def span_options(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command the options that choose runs."""
    for option in (
        click.option("--run", default="", metavar="ID", help="One run, or how its id begins."),
        click.option("--until", default="", metavar="TIME", help="Runs that began before."),
        click.option(
            "--since",
            default="30d",
            show_default=True,
            metavar="TIME",
            help="Runs that began since: 12h, 7d, 4w, 2026-11-01, or `all`.",
        ),
    ):
        command = option(command)
    return command


@click.group("cost", invoke_without_command=True)
@click.option(
    "--by",
    type=click.Choice(get_args(By)),
    default="model",
    show_default=True,
    help="What to add up by.",
)
@click.option("--bill", metavar="FILE", help="A bill as CSV with FOCUS columns, to compare with.")
@click.option("-n", "--limit", type=int, default=_SHOWN_MAX, show_default=True, help="Lines shown.")
@span_options
@project_options
@output_option("text", "json", "focus")
@click.pass_context
def cost_command(
    context: click.Context, project: ProjectFlags, /, *, output: str, **asked: object
) -> int:
    """Show what runs used, and what that costs at the prices that are in force.

    CPU time is measured statement by statement; what is left of a run's own, such as planning, is
    (overhead). `--output focus` writes the ledger row by row, as CSV with the columns of FOCUS.
    """
    if context.invoked_subcommand is not None:
        _refuse_before(context)
        return 0
    span = read_span(str(asked["since"]), str(asked["until"]), str(asked["run"]))
    bill, by = asked["bill"], asked["by"]
    with project.open_planner() as planner:
        if output == "focus":
            emit(_csv(planner.economy.charges(span)))
            return 0
        prices = planner.economy.prices
        currency = prices.currency if prices else ""
        billed = None if bill is None else read_bill(Path(str(bill)), span, currency)
        report = planner.economy.costs(span, by, billed=billed)  # type: ignore[arg-type] # one of click's choices
    if output == "json":
        emit_document(report)
    else:
        emit_lines(_lines(report, int(str(asked["limit"]))))
        if report.prices is None and report.runs:
            note("no price is declared, so money is `?`: see `hw price list`")
    return 0


def _refuse_before(context: click.Context) -> None:
    """Refuse options in front of a subcommand, which would not see them.

    Raises:
        Invalid: ``usage-invalid``.
    """
    by_hand = ParameterSource.COMMANDLINE
    given = [each for each in context.params if context.get_parameter_source(each) is by_hand]
    if given:
        raise Invalid(
            "usage-invalid",
            f"`{given[0].replace('_', '-')}` stands in front of `{context.invoked_subcommand}`",
            fix=f"write options behind it: hw cost {context.invoked_subcommand} ...",
        )


@cost_command.command("accuracy")
@span_options
@project_options
@output_option("text", "json")
def cost_accuracy(project: ProjectFlags, *, since: str, until: str, run: str, output: str) -> int:
    """Show how right the plans' predictions were, beside what was measured.

    The q-error says how many times too high or too low a prediction was; 1 is right.
    """
    with project.open_planner() as planner:
        report = planner.economy.accuracy(read_span(since, until, run))
    if output == "json":
        emit_document(report)
    else:
        emit_lines(_accuracy_lines(report))
    return 0


@cost_command.command("storage")
@project_options
@output_option("text", "json")
def cost_storage(project: ProjectFlags, *, output: str) -> int:
    """Show what tables take in storage, what older versions keep, and what a month costs."""
    with project.open_planner() as planner:
        report = planner.economy.stored()
    if output == "json":
        emit_document(report)
    else:
        emit_lines(_stored_lines(report))
    return 0


def _stored_lines(report: StoredReport) -> list[str]:
    if not report.tables:
        return ["there are no tables"]
    currency = report.prices.currency if report.prices else "USD"
    shown = (*report.tables, report.total)
    width = max(len(each.table) for each in shown)
    head = f"  {'':<{width}} {'newest':>11} {'older':>11} {'log':>11} {'a month':>12}"
    return [head, *(_stored_line(each, width, currency) for each in shown)]


def _stored_line(stored: StoredTable, width: int, currency: str) -> str:
    if stored.problem:
        return f"  {stored.table:<{width}} {stored.problem}"
    sizes = (stored.newest_bytes, stored.older_bytes, stored.log_bytes)
    written = " ".join(f"{_size(size):>11}" for size in sizes)
    return f"  {stored.table:<{width}} {written} {format_money(stored.month, currency):>12}"


@cost_command.command("publish")
@project_options
@output_option("text", "json")
def cost_publish(project: ProjectFlags, *, output: str) -> int:
    """Write the runs that are new in the ledger into the table headwater.billing.usage.

    Builds do it by themselves when much is waiting. Each run is written exactly once.
    """
    with project.open_workspace() as workspace:
        done = workspace.publish_usage()
    if output == "json":
        emit_document(done)
    else:
        emit_lines([f"{done.table}: {count_runs(done.runs)} written"])
    return 0


def read_span(since: str, until: str, run: str) -> Span:
    """Read the options that choose runs; a run that is named is found however old it is."""
    if run and since == "30d":
        since = "all"
    return Span(since=_time(since), until=_time(until), run=run)


def _time(text: str) -> str:
    """Read ``7d``, a date or a time as ISO 8601 UTC text; empty for ``all`` and nothing."""
    if text in {"", "all"}:
        return ""
    number, unit = text[:-1], text[-1]
    try:
        if number.isdecimal() and unit in _UNITS:
            now = datetime.now(UTC)  # noqa: TID251 - the shell is where the clock is read
            moment = now - timedelta(**{_UNITS[unit]: int(number)})
        else:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return moment.astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError) as error:
        raise Invalid(
            "usage-invalid",
            f"`{text}` is no time",
            why=str(error),
            fix="write 12h, 7d, 4w, 2026-11-01 or 2026-11-01T06:00:00Z; times are UTC",
        ) from error


def _csv(charges: Charges) -> str:
    rows = list(focus_rows(charges))
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["BilledCost"])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _lines(report: CostReport, limit: int) -> list[str]:
    if not report.runs:
        return ["nothing ran"]
    currency = report.prices.currency if report.prices else "USD"
    shown = report.lines[:limit]
    rest = len(report.lines) - len(shown)
    width = min(_KEY_WIDTH_MAX, max(len(line.key) for line in (*shown, report.total)))
    lines = [_head(report), _row("", "runs" if report.by == "run" else "times", width)]
    lines += [_line(line, width, currency) for line in shown]
    if rest > 0:
        lines.append(f"  ... and {rest} more: -n {len(report.lines)} shows them")
    lines.append(_line(report.total, width, currency))
    if report.unmeasured:
        lines.append(f"  {count_runs(report.unmeasured)} ended without a measurement")
    if report.billed is not None:
        billed = format_money(report.billed, currency)
        lines.append(f"  billed {billed}, unexplained {format_money(report.unexplained, currency)}")
    return lines


def _head(report: CostReport) -> str:
    since = f" since {report.since[:16]}" if report.since else ""
    until = f" until {report.until[:16]}" if report.until else ""
    return f"{count_runs(report.runs)}{since}{until}{_at(report.prices)}"


def count_runs(runs: int) -> str:
    """Write how many runs."""
    return f"{runs} run{'' if runs == 1 else 's'}"


def _at(prices: Prices | None) -> str:
    if prices is None:
        return ""
    hour = format_money(prices.cpu_hour, prices.currency)
    return f", at {hour} a CPU-hour ({prices.name})"


def _row(key: str, attempts: str, width: int) -> str:
    return (
        f"  {key:<{width}} {attempts:>6} {'CPU':>9} {'read':>11} {'written':>11} "
        f"{'cost':>12} {'share':>7}"
    )


def _line(line: CostLine, width: int, currency: str) -> str:
    key = line.key if len(line.key) <= width else f"{line.key[: width - 1]}…"
    attempts = str(line.attempts) if line.attempts else ""
    share = f"{line.share:.1%}" if abs(line.share) >= _SHARE_MIN else ""
    return (
        f"  {key:<{width}} {attempts:>6} {format_seconds(line.cpu_seconds):>9} "
        f"{_size(line.bytes_read):>11} {_size(line.bytes_written):>11} "
        f"{format_money(line.money, currency):>12} {share:>7}".rstrip()
    )


def _size(size: float) -> str:
    return format_bytes(size) if size else ""


_NAMES: Mapping[str, str] = MappingProxyType(
    {"cpu_seconds": "CPU", "bytes_read": "bytes read", "bytes_written": "bytes written"}
)


def _accuracy_lines(report: AccuracyReport) -> list[str]:
    if not report.lines:
        return ["nothing was predicted and measured yet"]
    head = (
        f"  {'':<14} {'grade':<10} {'n':>7} {'q median':>9} {'q p90':>8} {'weighted':>9} "
        f"{'bias':>7} {'covered':>8} {'above':>6} {'right':>6}"
    )
    first = f"{report.attempts} attempts, {report.unknown} without a prediction"
    return [first, head, *map(_accuracy_line, report.lines)]


def _accuracy_line(line: ErrorLine) -> str:
    above = str(line.above) if line.grade in {"exact", "bound"} else ""
    return (
        f"  {_NAMES[line.quantity]:<14} {line.grade:<10} {line.count:>7} {line.q_median:>9.2f} "
        f"{line.q_p90:>8.2f} {line.weighted:>9.1%} {line.bias:>7.2f} {line.covered:>8.1%} "
        f"{above:>6} {line.exact / line.count:>6.0%}".rstrip()
    )
