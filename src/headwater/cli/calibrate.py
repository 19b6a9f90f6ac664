"""``hw calibrate``: how fast this machine is, to be compared with others."""

import click

from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, note, output_option
from headwater.runs.calibrate import ROWS, keep_calibration


@click.command("calibrate")
@click.option(
    "--as",
    "machine",
    default="here",
    show_default=True,
    metavar="MACHINE",
    help="What price books call this machine, such as m7g.large.",
)
@click.option("--rows", type=click.IntRange(min=1000), default=ROWS, show_default=True)
@click.option("--save", is_flag=True, help="Keep it in the project: prices/machines/MACHINE.yml.")
@project_options
@output_option("text", "json")
def calibrate_command(
    project: ProjectFlags, *, machine: str, rows: int, save: bool, output: str
) -> int:
    """Measure how much CPU time this machine takes for five kinds of work, in some 20 seconds.

    With the measurements of two machines, `hw price diff` says what runs would cost on the other.
    """
    with project.open_planner() as planner:
        note("writing, scanning, grouping, joining, sorting ...")
        found = planner.economy.calibrate(machine, rows=rows)
        file = keep_calibration(planner.root, found) if save else None
    if output == "json":
        emit_document(found)
        return 0
    head = f"{found.machine}: {found.processor or 'unknown processor'}, {found.cpus} processors"
    lines = [f"{head}, {found.engine}"]
    lines += [f"  {kind:<6} {value:>8.1f} ns a row" for kind, value in found.nanoseconds.items()]
    emit_lines([*lines, f"kept in {file}"] if file else lines)
    return 0
