"""``hw price``: the price books that there are, what is in one, and what another would change."""

from functools import partial
from pathlib import Path

import click

from headwater.base.units import format_money
from headwater.cli.cost import count_runs, read_span, span_options
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit, emit_document, emit_lines, output_option
from headwater.plan.books import Price, PriceBook
from headwater.runs.books import find_book, list_books
from headwater.runs.price_lists import book_text, import_prices, keep_book
from headwater.runs.reprice import Offer, PriceDifference, RepricedLine

_SHOWN_MAX = 30


@click.group("price")
def price_command() -> None:
    """List price books, show one, compare two."""


@price_command.command("list")
@project_options
@output_option("text", "json")
def price_list(project: ProjectFlags, *, output: str) -> int:
    """List the price books of the project, and those that come with Headwater."""
    with project.open_reader() as reader:
        found = list_books(reader.root)
    if output == "json":
        books = [
            {
                "name": each.book.name,
                "date": each.book.date,
                "currency": each.book.currency,
                "prices": len(each.book.prices),
                "machines": [machine.type for machine in each.book.machines],
                "digest": each.book.digest,
                "file": each.file,
                "shipped": each.is_shipped,
            }
            for each in found
        ]
        emit_document({"schema": "headwater.price-books/1", "books": books})
        return 0
    emit_lines(
        f"{each.book.version:<24} {each.book.currency}  {len(each.book.prices):>4} prices  "
        f"{'shipped' if each.is_shipped else 'project'}  "
        f"{', '.join(machine.type for machine in each.book.machines)}".rstrip()
        for each in found
    )
    return 0


@price_command.command("show")
@click.argument("book")
@project_options
@output_option("text", "json", "yaml")
def price_show(project: ProjectFlags, *, book: str, output: str) -> int:
    """Show what is in price book BOOK: a name, NAME@DATE, or a file."""
    with project.open_reader() as reader:
        found = find_book(book, reader.root)
    if output == "yaml":
        emit(book_text(found.book))
    elif output == "json":
        emit_document({
            "schema": "headwater.price-book/1",
            "digest": found.book.digest,
            "file": found.file,
            "book": found.book,
        })  # fmt: skip
    else:
        emit_lines(_lines(found.book))
    return 0


@price_command.command("import")
@click.argument("file")
@click.option("--name", required=True, help="Name of the book.")
@click.option("--region", default="", help="Only prices of this region.")
@click.option("--dry-run", is_flag=True, help="Only say what is in it.")
@project_options
@output_option("text", "json")
def price_import(
    project: ProjectFlags, *, file: str, name: str, region: str, dry_run: bool, output: str
) -> int:
    """Make a price book of FILE, a list that a provider offers for download.

    AWS: the bulk file of a service, as CSV. Azure: retail prices, as JSON. Google Cloud: the SKUs
    of a service, as JSON. Databricks: system.billing.list_prices, Snowflake: RATE_SHEET_DAILY, as
    CSV.
    """
    with project.open_reader() as reader:
        book = import_prices(Path(file), name, region)
        kept = None if dry_run else keep_book(reader.root, book)
    if output == "json":
        emit_document({
            "schema": "headwater.price-book/1",
            "digest": book.digest,
            "file": str(kept or ""),
            "book": book,
        })  # fmt: skip
    else:
        prices, machines = len(book.prices), len(book.machines)
        where = "would be kept" if kept is None else f"kept in {kept}"
        emit_lines([f"{book.version}: {prices} prices, {machines} machines, {where}"])
    return 0


@price_command.command("diff")
@click.argument("before")
@click.argument("after")
@click.option("--machine", metavar="NAME", help="Machine of BEFORE; else `prices.machine`.")
@click.option("--to-machine", metavar="NAME", help="Machine of AFTER; else the same.")
@click.option("--region", metavar="NAME", help="Region of BEFORE; else `prices.region`.")
@click.option("--to-region", metavar="NAME", help="Region of AFTER; else the same.")
@click.option("--contract", metavar="FILE", help="Contract over AFTER; else `prices.contract`.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    help="How many times as much work a processor of the other machine does; else as measured.",
)
@span_options
@project_options
@output_option("text", "json")
def price_diff(
    project: ProjectFlags, /, *, before: str, after: str, output: str, **asked: str | None
) -> int:
    """Say what past runs would have cost by price book AFTER instead of BEFORE.

    Exact when only prices differ. For another machine it goes by measurements of `hw calibrate`, or
    by --speed, and shows an interval.
    """
    with project.open_planner() as planner:
        machine = asked["machine"] or planner.settings.text("prices.machine") or ""
        region = asked["region"] or planner.settings.text("prices.region") or ""
        to_region = asked["to_region"]
        contract = planner.settings.text("prices.contract")
        bills_machine = planner.settings.text("prices.billing") == "machine"
        found = planner.economy.repriced(
            read_span(asked["since"] or "", asked["until"] or "", asked["run"] or ""),
            Offer(
                book=before,
                machine=machine,
                region=region,
                contract=contract,
                bills_machine=bills_machine,
            ),
            Offer(
                book=after,
                machine=asked["to_machine"] or machine,
                region=region if to_region is None else to_region,
                contract=asked["contract"] or contract,
                bills_machine=bills_machine,
                speed=None if asked["speed"] is None else float(asked["speed"]),
            ),
        )
    if output == "json":
        emit_document(found)
    else:
        emit_lines(_difference_lines(found))
    return 0


def _difference_lines(found: PriceDifference) -> list[str]:
    shown = [line for line in found.lines if line.before or line.after][:_SHOWN_MAX]
    width = max((len(line.key) for line in (*shown, found.total)), default=0)
    basis = (
        "exact: only prices differ" if found.is_exact else f"work {found.speed:.2f} times as fast"
    )
    lines = [
        f"{count_runs(found.runs)}: {found.before.name} -> {found.after.name}, {basis}",
        *(_difference_line(line, width, found) for line in (*shown, found.total)),
    ]
    if found.break_even is not None and found.before.machine != found.after.machine:
        lines.append(f"  cheaper from {found.break_even:.2f} times as fast on")
    return lines


def _difference_line(line: RepricedLine, width: int, found: PriceDifference) -> str:
    money = partial(format_money, currency=found.after.currency)
    change = f"{(line.after / line.before - 1) * 100:+.1f} %" if line.before else ""
    between = "" if found.is_exact else f"  [{money(line.low)} .. {money(line.high)}]"
    return (
        f"  {line.key:<{width}} {money(line.before):>12} -> {money(line.after):>12} {change:>9}"
        f"{between}"
    ).rstrip()


def _lines(book: PriceBook) -> list[str]:
    lines = [f"{book.version} ({book.currency}), sha256 {book.digest[:12]}", f"  {book.note}"]
    lines += [_line(price, book.currency) for price in book.prices]
    lines += [
        f"  {each.type:<22} {each.vcpus} processors, {each.memory_gib:g} GiB, {each.arch}"
        for each in book.machines
    ]
    return lines


def _line(price: Price, currency: str) -> str:
    paid = "" if price.contracted is None else f", paid {format_money(price.contracted, currency)}"
    where = f" in {price.region}" if price.region else ""
    return (
        f"  {price.sku:<22} {format_money(price.price, currency)} a {price.meter}{where}{paid}  "
        f"[{price.grade} {price.date}] {price.source}"
    )
