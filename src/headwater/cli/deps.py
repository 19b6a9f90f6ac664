"""``hw deps``: fetch the packages that packages.yml or dependencies.yml names."""

import click

from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, note, output_option


@click.command("deps")
@project_options
@click.option("--mirror", metavar="DIR", help="Take packages from this folder, not the network.")
@click.option("--upgrade", is_flag=True, help="Resolve anew instead of following the lock file.")
@output_option("text", "json")
def deps_command(project: ProjectFlags, *, mirror: str | None, upgrade: bool, output: str) -> int:
    """Fetch packages from the hub, git or local folders, and write package-lock.yml."""
    with project.open_workspace() as workspace:
        fetched = workspace.deps(mirror=mirror, upgrade=upgrade, progress=note)
        if output == "json":
            emit_document({"schema": "headwater.deps/1", "packages": fetched})
        else:
            emit_lines(
                [
                    f"{package.name} {package.version}  from {package.package.shown}"
                    for package in fetched
                ]
                or ["the project names no packages"]
            )
    return 0
