"""``hw migrate plan``: what a change of a table's columns would rewrite, cost and risk."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from headwater.base.errors import Invalid
from headwater.base.units import (
    Estimate,
    format_bytes,
    format_count,
    format_money,
    format_seconds,
)
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option

if TYPE_CHECKING:
    from headwater.plan.migrate import Operation
    from headwater.plan.migration import EnginePlan, Migration

_CHUNKS_SHOWN = 8
_AFFECTED_SHOWN = 12


@click.group("migrate")
def migrate_command() -> None:
    """Say what a change of a stored table takes."""


@migrate_command.command("plan")
@click.argument("table")
@project_options
@click.option("--add", multiple=True, metavar="'NAME TYPE[=VALUE]'", help="Add a column.")
@click.option("--drop", multiple=True, metavar="NAME", help="Drop a column.")
@click.option("--rename", multiple=True, metavar="OLD=NEW", help="Rename a column.")
@click.option("--retype", multiple=True, metavar="NAME=TYPE", help="Give a column another type.")
@click.option("--not-null", multiple=True, metavar="NAME", help="Allow no nulls in a column.")
@click.option("--partition-by", metavar="COLUMNS", help="Partition by columns; '' for none.")
@click.option("--cluster-by", metavar="COLUMNS", help="Cluster by columns; '' for none.")
@click.option("--enable", multiple=True, metavar="FEATURE", help="Enable a feature of Delta.")
@output_option("text", "json")
def migrate_plan(
    project: ProjectFlags,
    /,
    *,
    table: str,
    output: str,
    partition_by: str | None,
    cluster_by: str | None,
    **asked: tuple[str, ...],
) -> int:
    """Say whether changes of TABLE are an entry in its log or a rewrite, and what that takes.

    For Headwater's own engine and for Spark: bytes, time, money, the odds that another writer
    comes between, and how it is taken back. Only the table's log is read. Nothing is changed.
    """
    operations = [
        *_columns(asked),
        *_arranged("partition", partition_by),
        *_arranged("cluster", cluster_by),
    ]
    with project.open_workspace() as workspace:
        found = workspace.migration(table, operations)
        if output == "json":
            emit_document(found)
            return 0
        prices = workspace.economy.prices
        emit_lines(_lines(found, "USD" if prices is None else prices.currency))
    return 0


def _columns(asked: "dict[str, tuple[str, ...]]") -> "Iterator[Operation]":
    from headwater.plan.migrate import FEATURES, Operation

    for text in asked["add"]:
        name, _, kind = text.strip().partition(" ")
        kind, _, default = kind.partition("=")
        if not kind.strip():
            raise _usage(f"--add '{text}'", "--add 'note VARCHAR', or --add 'paid BOOLEAN=false'")
        yield Operation(verb="add", column=name, to=kind.strip(), default=default.strip())
    for name in asked["drop"]:
        yield Operation(verb="drop", column=name)
    for text in asked["rename"]:
        old, new = _pair("--rename", text, "--rename note=remark")
        yield Operation(verb="rename", column=old, to=new)
    for text in asked["retype"]:
        name, kind = _pair("--retype", text, "--retype id=BIGINT")
        yield Operation(verb="retype", column=name, to=kind)
    for name in asked["not_null"]:
        yield Operation(verb="require", column=name)
    for name in asked["enable"]:
        if name not in FEATURES:
            raise _usage(f"--enable {name}", f"one of {', '.join(FEATURES)}")
        yield Operation(verb="enable", column=name)


def _arranged(verb: str, text: str | None) -> "Iterator[Operation]":
    from headwater.plan.migrate import Operation

    if text is None:
        return
    columns = tuple(part.strip() for part in text.split(",") if part.strip())
    yield Operation(verb="partition" if verb == "partition" else "cluster", columns=columns)


def _pair(option: str, text: str, example: str) -> tuple[str, str]:
    left, middle, right = (part.strip() for part in text.partition("="))
    if not (left and middle and right):
        raise _usage(f"{option} '{text}'", example)
    return left, right


def _usage(given: str, example: str) -> Invalid:
    return Invalid("usage-invalid", f"`{given}` cannot be read", fix=f"write {example}")


def _lines(found: "Migration", currency: str) -> "Iterator[str]":
    size = f"{format_bytes(found.size_bytes)} in {format_count(found.files)} files"
    yield f"{found.table} v{found.version}  {format_count(found.rows)} rows, {size}"
    for operation in found.operations:
        yield operation.text
        for verdict in operation.verdicts:
            first = f", after {', '.join(verdict.enables)}" if verdict.enables else ""
            yield f"  {verdict.engine:<10} {verdict.effort}{first}: {verdict.why}"
    for plan in found.engines:
        yield from _engine_lines(plan, currency)
    if any(plan.effort in {"rewrite", "scan"} for plan in found.engines):
        yield f"pace: {found.pace}"
    yield from _affected_lines(found)


def _engine_lines(plan: "EnginePlan", currency: str) -> "Iterator[str]":
    if plan.effort == "refused":
        yield f"{plan.engine}: refused"
        return
    yield (
        f"{plan.engine}: {plan.effort}, reads {format_bytes(plan.bytes_read.value)}, "
        f"writes {format_bytes(plan.bytes_written.value)}, {_seconds(plan.seconds)}, "
        f"{format_money(plan.dollars.value, currency)}"
    )
    if plan.storage_bytes:
        cost = format_money(plan.storage_dollars.value, currency)
        yield f"  old files: {format_bytes(plan.storage_bytes)} until a vacuum, {cost}"
    yield f"  conflict: {_odds(plan.conflict)}"
    yield f"  back: {plan.rollback}"
    yield from (f"  note: {text}" for text in plan.notes)
    if plan.chunks:
        yield f"  in {len(plan.chunks)} commits, one after the other:"
    for number, chunk in enumerate(plan.chunks[:_CHUNKS_SHOWN], start=1):
        span = chunk.first if chunk.first == chunk.last else f"{chunk.first} .. {chunk.last}"
        yield (
            f"    {number}. {span}  {format_bytes(chunk.size_bytes)}, {_seconds(chunk.seconds)}, "
            f"conflict {_odds(chunk.conflict)}"
        )
    if len(plan.chunks) > _CHUNKS_SHOWN:
        yield f"    and {len(plan.chunks) - _CHUNKS_SHOWN} more"


def _affected_lines(found: "Migration") -> "Iterator[str]":
    shown: Sequence[str] = [
        f"  {each.effect} {each.node} by {', '.join(each.columns)}  {each.where}".rstrip()
        for each in found.affected
    ]
    if shown:
        yield f"{len(shown)} in the project use what changes:"
        yield from shown[:_AFFECTED_SHOWN]
    if len(shown) > _AFFECTED_SHOWN:
        yield f"  and {len(shown) - _AFFECTED_SHOWN} more"


def _seconds(found: Estimate) -> str:
    if not found.value or found.low is None or found.high is None:
        return format_seconds(found.value)
    span = f"{format_seconds(found.low)}..{format_seconds(found.high)}"
    return f"{format_seconds(found.value)} [{span}] {found.grade}"


def _odds(found: Estimate) -> str:
    if found.value is None:
        return "? (too few commits to say how often others write)"
    return f"{found.value:.1%} that another writer comes between"
