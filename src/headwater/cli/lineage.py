"""``hw lineage``: which columns flow into which, and which decide what rows there are."""

from collections.abc import Iterator
from dataclasses import asdict

import click

from headwater.base.diagnostics import has_errors
from headwater.base.errors import Invalid
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option
from headwater.graph.around import Direction
from headwater.graph.paths import Path, PathHop, Paths
from headwater.planner import Planner


@click.command("lineage")
@click.argument("node", required=False)
@project_options
@click.option("--direct", is_flag=True, help="Leave out columns that only decide the rows.")
@click.option(
    "--direction",
    type=click.Choice(["both", "up", "down"]),
    default="both",
    show_default=True,
    help="Which way to follow from NODE.",
)
@click.option("--to", "end", metavar="NODE", help="Show the ways from NODE to this one.")
@click.option("--from", "start", metavar="NODE", help="Show the ways from this one to NODE.")
@output_option("text", "json")
def lineage_command(
    project: ProjectFlags,
    *,
    node: str | None,
    direct: bool,
    direction: Direction,
    end: str | None,
    start: str | None,
    output: str,
) -> int:
    """Show the edges around NODE or NODE.COLUMN; without it, every edge of the project.

    With --to or --from: the ways between two columns, each hop with its file and line.
    """
    ends = _ends(node, start, end)
    with project.open_planner() as planner:
        if ends is not None:
            return _show_paths(planner, ends, direct=direct, output=output)
        found = planner.lineage(node, direction=direction, direct=direct)
        if output == "json":
            emit_document(
                {
                    "schema": "headwater.lineage/1",
                    "edges": [edge.document() for edge in found.edges],
                    "paths": [],
                    "paths_cut": False,
                    "diagnostics": found.diagnostics,
                }
            )
        else:
            print_diagnostics(found.diagnostics, planner.root)
            emit_lines(
                f"{edge.source} -> {edge.target}  {edge.kind} {edge.subtype}"
                for edge in found.edges
            )
    return 2 if has_errors(found.diagnostics) else 0


def _ends(node: str | None, start: str | None, end: str | None) -> tuple[str, str] | None:
    """Return both ends of the ways that are asked for; None when edges are.

    Raises:
        Invalid: ``usage-invalid``.
    """
    if start is None and end is None:
        return None
    if node is None or (start is not None and end is not None):
        raise Invalid(
            "usage-invalid",
            "ways are between NODE and one other",
            fix="hw lineage raw_orders.amount --to revenue.revenue",
        )
    return (node, end) if end is not None else (start or "", node)


def _show_paths(planner: Planner, ends: tuple[str, str], *, direct: bool, output: str) -> int:
    found, diagnostics = planner.paths(*ends, direct=direct)
    if output == "json":
        emit_document(
            {
                "schema": "headwater.lineage/1",
                "edges": [],
                "paths": [asdict(path) for path in found.paths],
                "paths_cut": found.is_cut,
                "diagnostics": diagnostics,
            }
        )
    else:
        print_diagnostics(diagnostics, planner.root)
        emit_lines(_lines(found, ends))
    return 2 if has_errors(diagnostics) else 0


def _lines(found: Paths, ends: tuple[str, str]) -> Iterator[str]:
    if not found.paths:
        yield f"no way from {ends[0]} to {ends[1]}"
    for number, path in enumerate(found.paths):
        if number:
            yield ""
        yield from _path_lines(path)
    if found.is_cut:
        yield ""
        yield f"and more: {len(found.paths)} ways are shown"


def _path_lines(path: Path) -> Iterator[str]:
    names = [f"{hop.node.split('.', 2)[-1]}.{hop.column}" for hop in path.hops]
    width = max(map(len, names)) + 4
    for name, hop in zip(names, path.hops, strict=True):
        arrow = f"  -> {name}" if hop.how else name
        yield f"{arrow:<{width + 2}}{hop.how:<16}{_place(hop)}".rstrip()


def _place(hop: PathHop) -> str:
    return f"{hop.file}:{hop.line}" if hop.file else ""
