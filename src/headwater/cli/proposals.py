"""``hw table upkeep``: which compaction and deletion of which table pays, and doing it."""

from typing import TYPE_CHECKING

import click

from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option
from headwater.plan.show_upkeep import proposal_text

if TYPE_CHECKING:
    from headwater.plan.proposed import Proposal


@click.command("upkeep")
@project_options
@click.option(
    "--reads",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How often each table will be read before the next upkeep.",
)
@click.option("--do", "does", is_flag=True, help="Do what pays; without it it is only said.")
@output_option("text", "json")
def upkeep_command(project: ProjectFlags, *, reads: int, does: bool, output: str) -> int:
    """Say of every table which upkeep costs less than it saves, with the figures.

    Costs and savings are estimated CPU seconds, by measured rates.
    """
    with project.open_workspace() as workspace:
        found = workspace.upkeep.propose(reads=reads, does=does)
    if output == "json":
        emit_document(found)
    elif found.proposals:
        emit_lines(line(each) for each in found.proposals)
    else:
        emit_lines(["nothing to do: no upkeep pays"])
    return 0


def line(proposal: "Proposal") -> str:
    """Say of a proposal what it costs and saves, in one line."""
    done = "done     " if proposal.is_done else "would pay"
    return f"{done} {proposal_text(proposal)}"
