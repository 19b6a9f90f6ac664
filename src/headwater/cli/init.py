"""``hw init``: a new project that builds at once, or a copy of the example."""

from importlib.resources import as_file, files
from pathlib import Path

import click

from headwater.base.errors import Invalid
from headwater.cli.output import emit_document, emit_lines, output_option

_MAY_BE_THERE = frozenset({".git", ".github", ".gitignore", ".venv", "LICENSE", "README.md"})


@click.command("init")
@click.argument("name")
@output_option("text", "json")
def init_command(name: str, *, output: str) -> int:
    """Make folder NAME with a small project: a seed, a view, a table and their tests."""
    folder = Path(name)
    found = sorted(each.name for each in folder.iterdir()) if folder.exists() else []
    in_the_way = [each for each in found if each not in _MAY_BE_THERE]
    if in_the_way:
        raise Invalid(
            "folder-not-empty",
            f"`{folder.resolve()}` exists and is not empty: it has {', '.join(in_the_way[:5])}",
            fix="choose another name, or empty the folder",
        )
    project = folder.resolve().name.replace("-", "_")
    if not project.isidentifier():
        raise Invalid(
            "project-name-invalid",
            f"`{project}` cannot be a project's name",
            why="a name is made of letters, digits and underscores, and starts with a letter",
            fix="hw init my_project",
        )
    with as_file(files("headwater.cli") / "starter") as starter:
        written = [
            _copy(source, folder / source.relative_to(starter), project)
            for source in sorted(starter.rglob("*"))
            if source.is_file() and source.name not in found
        ]
    step = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    if output == "json":
        emit_document({"schema": "headwater.init/1", "project": project, "files": written})
    else:
        emit_lines([*(f"wrote {path}" for path in written), "", f"next: {step}hw build"])
    return 0


def _copy(source: Path, target: Path, project: str) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    text = source.read_text(encoding="utf-8").replace("__project__", project)
    target.write_text(text, encoding="utf-8")
    return str(target)
