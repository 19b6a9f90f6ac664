"""``hw docs``: dbt's catalog.json and manifest.json, and a page that shows them."""

from contextlib import suppress

import click

from headwater.base.diagnostics import has_errors
from headwater.base.errors import NotFound
from headwater.cli.diagnose import print_diagnostics
from headwater.cli.options import ProjectFlags, input_options, project_options, selection_options
from headwater.cli.output import emit_document, emit_lines, note, output_option
from headwater.graph.choose import Selection
from headwater.graph.substitutes import InputRequest


@click.group("docs")
def docs_command() -> None:
    """Write documents about the project."""


@docs_command.command("generate")
@project_options
@selection_options
@click.option("--compile/--no-compile", "compiles", default=True, help="Compile the nodes first.")
@click.option("--empty-catalog", is_flag=True, help="Write a catalog without tables.")
@input_options
@output_option("text", "json")
def docs_generate(
    project: ProjectFlags,
    selection: Selection,
    *,
    compiles: bool,
    empty_catalog: bool,
    output: str,
    inputs: InputRequest,
) -> int:
    """Write manifest.json and catalog.json into the target folder.

    With a selection, catalog.json holds the selected nodes only.
    """
    with project.open_workspace() as workspace:
        made = workspace.docs_generate(
            selection, compiles=compiles, is_empty=empty_catalog, inputs=inputs
        )
        if output == "json":
            emit_document(
                {"schema": "headwater.docs/1", "files": made.files, "diagnostics": made.diagnostics}
            )
        else:
            print_diagnostics(made.diagnostics, workspace.root)
            emit_lines(f"wrote {path}" for path in made.files)
    return 2 if has_errors(made.diagnostics) else 0


@docs_command.command("serve")
@project_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8080, show_default=True, help="Port; 0 for any that is free.")
@click.option("--browser/--no-browser", default=True, help="Open the page in a browser.")
def docs_serve(project: ProjectFlags, *, host: str, port: int, browser: bool) -> int:
    """Show the project's nodes as a page, until Ctrl-C; run `hw docs generate` first."""
    import webbrowser

    from headwater.cli.docs_server import DOCUMENTS, open_server

    with project.open_reader() as reader:
        folder = reader.target_path
    if not (folder / DOCUMENTS[0]).is_file():
        what = f"there is no {DOCUMENTS[0]} in `{folder}`"
        raise NotFound("docs-not-generated", what, fix="hw docs generate")
    with open_server(folder, host, port) as server:
        address = f"http://{host}:{server.server_address[1]}"
        note(f"the project's page is at {address} (Ctrl-C ends this)")
        if browser:
            webbrowser.open_new_tab(address)
        with suppress(KeyboardInterrupt):
            server.serve_forever(poll_interval=0.2)
    return 0
