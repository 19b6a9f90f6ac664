"""``hw source freshness``: how old sources are, against the rules that they were given."""

import sys
from pathlib import Path

import click

from headwater.base.diagnostics import has_errors
from headwater.base.units import format_seconds
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options, selection_options
from headwater.cli.output import emit_document, emit_lines, note, wants_colour
from headwater.graph.choose import Selection
from headwater.project.freshness import read_freshness
from headwater.runs.freshness import SourceAge, SourceAges

_COLOURS = {"pass": "green", "warn": "yellow", "error": "red", "runtime error": "red"}
FORMATS = frozenset({"text", "json"})


@click.group("source")
def source_command() -> None:
    """Look at the tables that others write."""


@click.command("freshness")
@project_options
@selection_options
@click.option(
    "-o",
    "--output",
    default="text",
    metavar="text|json|FILE",
    help="How the result is written to stdout; a path says where sources.json goes, as in dbt.",
)
def source_freshness(project: ProjectFlags, selection: Selection, *, output: str) -> int:
    """Measure how old sources are, and compare with their `freshness` rules.

    Writes dbt's sources.json into the target folder. The exit code is 1 when a source is older than
    its `error_after`, or cannot be measured.
    """
    with project.open_workspace() as workspace:
        file = None if output in FORMATS else Path(output)
        ages = workspace.source_freshness(selection, file=file)
        if output == "json":
            emit_document(ages)
        else:
            print_diagnostics(ages.diagnostics, workspace.root)
            _show(ages)
    return 2 if has_errors(ages.diagnostics) else ages.exit_code


source_command.add_command(source_freshness)
source_command.add_command(source_freshness, "snapshot-freshness")


def _show(ages: SourceAges) -> None:
    width = max((len(age.name) for age in ages.results), default=0)
    if ages.results:
        emit_lines(_line(age, width) for age in ages.results)
    elif not has_errors(ages.diagnostics):
        note("no selected source has a `freshness` rule")


def _line(age: SourceAge, width: int) -> str:
    status = f"{age.status:<13}"
    if wants_colour(sys.stdout):
        status = click.style(status, fg=_COLOURS[age.status])
    if age.age_seconds is None:
        return f"{status} {age.name:<{width}}  {age.message}"
    rule = read_freshness(age.criteria)
    limits = [
        f"{word} after {_age(limit.total_seconds())}"
        for word, limit in (("warn", rule.warn_after), ("error", rule.error_after))
        if limit is not None
    ]
    old = "has no rows" if age.max_loaded_at.startswith("0001-01-01") else ""
    old = old or f"{_age(age.age_seconds)} old"
    return f"{status} {age.name:<{width}}  {old} by its {age.measured_by} ({', '.join(limits)})"


def _age(seconds: float) -> str:
    days, rest = divmod(seconds, 86_400)
    return f"{days:.0f} d {rest // 3600:.0f} h" if days else format_seconds(seconds)
