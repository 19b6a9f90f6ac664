"""``hw ingest``: load files into a table, each exactly once."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headwater.base.errors import Invalid
from headwater.base.units import format_bytes, format_count
from headwater.cli.options import ProjectFlags, project_options
from headwater.cli.output import emit_document, emit_lines, note, output_option

if TYPE_CHECKING:
    from headwater.runs.ingest import FileEnd, Ingested


@click.command("ingest")
@click.argument("table")
@click.argument("sources", nargs=-1, required=True, metavar="FILE|FOLDER|-...")
@project_options
@click.option("--format", "wanted", type=click.Choice(["csv", "json", "parquet", "arrow"]),
              help="What the files are; by default what their names say.")  # fmt: skip
@click.option("--delimiter", default="", help="Of CSV files; by default found in the header.")
@click.option("--encoding", type=click.Choice(["utf-8", "utf-16", "latin-1"]),
              help="Of CSV files.")  # fmt: skip
@click.option("--type", "types", multiple=True, metavar="COLUMN=TYPE",
              help="Type of a column that the table does not have yet.")  # fmt: skip
@click.option("--partition-by", "partition_by", multiple=True, metavar="COLUMN",
              help="Partition column of a table that is made; may be given again.")  # fmt: skip
@click.option("--no-new-columns", is_flag=True, help="Refuse files with columns of their own.")
@click.option("--widen", is_flag=True,
              help="Give a column that cannot hold a file's values a type that can.")  # fmt: skip
@click.option("--max-rejects", default="0", show_default=True, metavar="N|any",
              help="Bad rows of a file up to which its good ones are loaded.")  # fmt: skip
@click.option("--rejects", type=click.Path(path_type=Path), metavar="FILE",
              help="JSON lines of bad rows; by default target/rejects.jsonl.")  # fmt: skip
@click.option("--force", is_flag=True, help="Load even into a table that a model builds.")
@click.option("--dry-run", is_flag=True, help="Only say what would be loaded.")
@output_option("text", "json")
def ingest_command(
    project: ProjectFlags,
    *,
    table: str,
    sources: tuple[str, ...],
    wanted: str | None,
    delimiter: str,
    encoding: str | None,
    types: tuple[str, ...],
    partition_by: tuple[str, ...],
    no_new_columns: bool,
    widen: bool,
    max_rejects: str,
    rejects: Path | None,
    force: bool,
    dry_run: bool,
    output: str,
) -> int:
    """Load files (CSV, JSON, Parquet, Arrow; - is stdin) into TABLE, made when it is not there.

    A file is known by its content: loading it again, or under another name, does nothing. A load
    that was stopped goes on where it was when it is started again.
    """
    from headwater.runs.ingest import IngestOptions

    with project.open_workspace() as workspace:
        options = IngestOptions(
            rejects_file=rejects or workspace.target_path / "rejects.jsonl",
            delimiter=_delimiter(delimiter),
            encoding=encoding or "",
            types=_types(types),
            adds_columns=not no_new_columns,
            rejects_max=_limit(max_rejects),
            partition_by=partition_by,
            dry_run=dry_run,
            widens=widen,
            is_forced=force,
        )
        done = workspace.ingest(
            table,
            sources,
            options,
            wanted=wanted,
            stream=sys.stdin.buffer,
            progress=lambda end: note(_line(end)),
        )
    if output == "json":
        emit_document(done)
    else:
        emit_lines(_text(done))
    return done.exit_code


def _delimiter(text: str) -> str:
    found = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(found) > 1:
        raise Invalid(
            "usage-invalid", f"`{text}` is not one character", fix="write tab for tabulators"
        )
    return found


def _types(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        name, equals, kind = text.partition("=")
        if not (name and equals and kind):
            raise Invalid(
                "usage-invalid", f"`{text}` is no type of a column", fix="--type amount=DOUBLE"
            )
        found[name] = kind.upper()
    return found


def _limit(text: str) -> int | None:
    if text == "any":
        return None
    if not text.isdecimal():
        raise Invalid(
            "usage-invalid", f"`{text}` is no number of rows", fix="--max-rejects 100, or any"
        )
    return int(text)


def _line(end: "FileEnd") -> str:
    bad = f", {format_count(end.rejected_rows)} bad" if end.rejected_rows else ""
    rows = f"{format_count(end.rows)} rows{bad}" if end.status != "known" else ""
    return f"{end.status:<10} {end.file}  {end.message or rows}".rstrip()


def _text(done: "Ingested") -> list[str]:
    verb = "would load" if done.dry_run else "loaded"
    new = sum(end.status in {"loaded", "would load"} for end in done.files)
    known = sum(end.status == "known" for end in done.files)
    refused = len(done.files) - new - known
    parts = [f"{verb} {format_count(done.rows)} rows of {new} file{'' if new == 1 else 's'}"]
    parts += [f"{known} known"] if known else []
    parts += [f"{refused} refused"] if refused else []
    version = "" if done.version is None else f", version {done.version}"
    lines = [f"{done.table}: {', '.join(parts)}{version}"]
    width = max((len(column.name) for column in done.columns), default=0)
    if done.dry_run or done.version == 0:
        lines += [
            f"  {column.name:<{width}}  {column.type:<12}  {column.why}" for column in done.columns
        ]
    if done.widened:
        files = f"{done.rewritten} file{'' if done.rewritten == 1 else 's'}"
        lines.append(f"widened {', '.join(done.widened)}; {files} written again")
    if done.rejected_rows:
        lines.append(f"{format_count(done.rejected_rows)} bad rows are in {done.rejects_file}")
    if done.compacted:
        size = format_bytes(done.meter.bytes_written)
        lines.append(f"{done.compacted} small files were written together ({size} in all)")
    return lines
