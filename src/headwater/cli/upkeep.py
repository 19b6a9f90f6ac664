"""``hw table optimize``, ``vacuum``, ``checkpoint``, ``restore``, ``clone`` and others: upkeep."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from headwater.base.errors import Invalid
from headwater.base.units import format_bytes, format_count, parse_bytes
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, output_option

if TYPE_CHECKING:
    from headwater.runs.upkeep import Upkeep

_FILES_SHOWN = 20


@click.command("optimize")
@click.argument("name")
@project_options
@click.option("--file-size", default="128MiB", show_default=True, help="Aimed-at size of a file.")
@click.option(
    "--cluster-by",
    metavar="COLUMNS",
    help="Put rows with near values of these columns, separated by commas, into the same files.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be written again.")
@output_option("text", "json")
def optimize_command(
    project: ProjectFlags,
    *,
    name: str,
    file_size: str,
    cluster_by: str | None,
    dry_run: bool,
    output: str,
) -> int:
    """Write small files of table NAME, and files that hide rows, again as larger ones.

    The rows stay as they are: the next plan sees nothing to do. A table that was clustered once
    stays clustered: the next time, what was written since is put in order, too.
    """
    try:
        file_bytes = parse_bytes(file_size)
    except ValueError as error:
        raise Invalid(
            "usage-invalid", f"`{file_size}` is not a size", fix="write it as 128MiB"
        ) from error
    with project.open_workspace() as workspace:
        done = workspace.upkeep.optimize(
            name,
            file_bytes=file_bytes,
            cluster_by=_columns(cluster_by),
            dry_run=dry_run,
        )
    _show(done, output, _optimized(done))
    return 0


@click.command("vacuum")
@click.argument("name")
@project_options
@click.option("--delete", is_flag=True, help="Delete; without it they are only listed.")
@click.option(
    "--retain-hours",
    type=click.FloatRange(min=0),
    help="Keep what versions of so many hours need; by default what the table says, or 168.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Allow keeping less than the table says, and than models with `refresh` have read.",
)
@output_option("text", "json")
def vacuum_command(
    project: ProjectFlags,
    *,
    name: str,
    delete: bool,
    retain_hours: float | None,
    force: bool,
    output: str,
) -> int:
    """List or delete the files of table NAME that no version of the retention time needs.

    What killed writers left is among them.
    """
    retain = None if retain_hours is None else timedelta(hours=retain_hours)
    with project.open_workspace() as workspace:
        done = workspace.upkeep.vacuum(name, retain=retain, force=force, dry_run=not delete)
    verb = "would delete" if done.dry_run else "deleted"
    line = f"{verb} {_count(done.files_removed)}, {format_bytes(done.bytes_removed)}"
    _show(done, output, line, _behind_lines(done))
    return 0


@click.command("checkpoint")
@click.argument("name")
@project_options
@output_option("text", "json")
def checkpoint_command(project: ProjectFlags, *, name: str, output: str) -> int:
    """Write a checkpoint of table NAME, from which readers start."""
    with project.open_workspace() as workspace:
        done = workspace.upkeep.checkpoint(name)
    _show(done, output, f"wrote a checkpoint of version {done.version}")
    return 0


@click.command("fsck")
@click.argument("name")
@project_options
@click.option("--deep", is_flag=True, help="Read every value, not only how many rows there are.")
@output_option("text", "json")
def fsck_command(project: ProjectFlags, *, name: str, deep: bool, output: str) -> int:
    """Check the files of table NAME against what its log says of them; change nothing."""
    with project.open_workspace() as workspace:
        done = workspace.upkeep.fsck(name, deep=deep)
    if output == "json":
        emit_document(done)
        return done.exit_code
    size = f"{_count(done.files)}, {format_count(done.rows)} rows"
    end = f"{len(done.faults)} fault{'' if len(done.faults) == 1 else 's'}"
    lines = [f"version {done.version}: {size}, {end if done.faults else 'sound'}"]
    emit_lines([*lines, *(f"  {fault.file}: {fault.what}" for fault in done.faults)])
    return done.exit_code


@click.command("restore")
@click.argument("name")
@project_options
@click.option("--version", type=int, help="Version to go back to.")
@click.option("--timestamp", metavar="TIME", help="Or: what was newest at a time (ISO 8601).")
@output_option("text", "json")
def restore_command(
    project: ProjectFlags, *, name: str, version: int | None, timestamp: str | None, output: str
) -> int:
    """Make a new version of table NAME that says what an older one said."""
    if (version is None) == (timestamp is None):
        raise Invalid(
            "usage-invalid",
            "say which version is wanted",
            fix="pass --version 3, or --timestamp 2026-11-21T06:00:00Z",
        )
    with project.open_workspace() as workspace:
        done = workspace.upkeep.restore(name, version=version, at=_time_or_none(timestamp))
    line = "the table says that already"
    if done.version is not None:
        line = (
            f"version {done.version}: {_count(done.files_added)} came back, "
            f"{_count(done.files_removed)} left"
        )
    _show(done, output, line)
    return 0


@click.command("clone")
@click.argument("name")
@click.argument("into")
@project_options
@click.option("--version", type=int, help="Version to clone; the newest by default.")
@click.option("--deep", is_flag=True, help="Copy every file; without it a clone takes no space.")
@output_option("text", "json")
def clone_command(
    project: ProjectFlags, *, name: str, into: str, version: int | None, deep: bool, output: str
) -> int:
    """Make table INTO with the rows, columns and statistics of table NAME.

    Without --deep the files are shared: they stay as long as one of the two tables needs them.
    """
    with project.open_workspace() as workspace:
        done = workspace.upkeep.clone(name, into, version=version, deep=deep)
    how = f"copied, {format_bytes(done.bytes_added)}" if deep else "shared"
    _show(done, output, f"`{done.table}`: {_count(done.files_added)} {how}")
    return 0


@click.command("forget")
@click.argument("name")
@project_options
@output_option("text", "json")
def forget_command(project: ProjectFlags, *, name: str, output: str) -> int:
    """Forget the name of table NAME, whose folder is gone."""
    with project.open_workspace() as workspace:
        done = workspace.upkeep.forget(name)
    _show(done, output, f"`{done.table}` is forgotten")
    return 0


@click.command("rename-column")
@click.argument("name")
@click.argument("column")
@click.argument("into")
@project_options
@output_option("text", "json")
def rename_column_command(
    project: ProjectFlags, *, name: str, column: str, into: str, output: str
) -> int:
    """Call COLUMN of table NAME INTO, where the table maps its columns; no file is written."""
    with project.open_workspace() as workspace:
        done = workspace.upkeep.rename_column(name, column, into)
    _show(done, output, f"version {done.version}: `{column}` is called `{into}`")
    return 0


@click.command("drop-column")
@click.argument("name")
@click.argument("column")
@project_options
@output_option("text", "json")
def drop_column_command(project: ProjectFlags, *, name: str, column: str, output: str) -> int:
    """Take COLUMN out of table NAME, where the table maps its columns; no file is written.

    Older versions keep it, and `hw table restore` brings it back.
    """
    with project.open_workspace() as workspace:
        done = workspace.upkeep.drop_column(name, column)
    _show(done, output, f"version {done.version}: `{column}` is dropped")
    return 0


def _columns(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(part.strip() for part in text.split(","))
    if "" in names:
        raise Invalid(
            "usage-invalid",
            f"`--cluster-by '{text}'` does not name columns",
            fix="name them, separated by commas, or leave the option out",
        )
    return names


def _optimized(done: "Upkeep") -> str:
    if not done.files_removed:
        return "nothing to do: no small files, no hidden rows"
    hidden = f", {format_count(done.hidden_rows)} hidden rows" if done.hidden_rows else ""
    what = f"{_count(done.files_removed)} of {format_bytes(done.bytes_removed)}{hidden}"
    if done.dry_run:
        return f"would write again {what}"
    return (
        f"version {done.version}: {what} became {_count(done.files_added)} of "
        f"{format_bytes(done.bytes_added)}"
    )


def _count(files: int) -> str:
    return f"{format_count(files)} file{'' if files == 1 else 's'}"


def _behind_lines(done: "Upkeep") -> list[str]:
    """Say what is kept for models that have not read all of the table, and which will miss it."""
    held = [each for each in done.behind if each.is_held]
    lines = []
    if held and done.files_kept:
        size = format_bytes(done.bytes_kept)
        lines.append(f"kept {_count(done.files_kept)}, {size}, for models that read changes:")
        lines += [f"  {each.node} has read up to version {each.version}" for each in held]
    return lines + [
        f"{each.node} has read up to version {each.version} and will be built in full"
        for each in done.behind
        if not each.is_held
    ]


def _show(done: "Upkeep", output: str, line: str, more_lines: Sequence[str] = ()) -> None:
    if output == "json":
        emit_document(done)
        return
    names = done.files if done.dry_run else ()
    more = len(names) - _FILES_SHOWN
    rest = [f"  and {format_count(more)} more"] if more > 0 else []
    emit_lines([line, *(f"  {name}" for name in names[:_FILES_SHOWN]), *rest, *more_lines])


def _time_or_none(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            "timestamp-unreadable",
            f"`{text}` is not a time",
            fix="write it as 2026-11-21 or 2026-11-21T06:02:00+01:00",
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
