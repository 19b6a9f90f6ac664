"""Docs blocks: ``{% docs name %}`` in Markdown files, for ``doc()`` in descriptions."""

from headwater.base.diagnostics import Diagnostic
from headwater.base.spans import span_at
from headwater.jinja.scan import UnclosedBlock, scan_blocks
from headwater.project.files import ProjectFile
from headwater.project.findings import duplicate
from headwater.project.project import DocBlock
from headwater.project.reading import Package, Reading


def read_docs(reading: Reading) -> None:
    """Read the docs blocks of all packages."""
    for package in reading.packages:
        for file in package.of_kind("docs"):
            _read_file(reading, package, file)


def _read_file(reading: Reading, package: Package, file: ProjectFile) -> None:
    for block in scan_blocks(file.text):
        where = span_at(file.file, file.text, block.start)
        if isinstance(block, UnclosedBlock):
            if block.kind.removeprefix("end") == "docs":
                reading.found.append(
                    Diagnostic(
                        code="jinja-syntax",
                        severity="error",
                        what=f"docs block `{block.name}` is not opened or not closed",
                        where=where,
                    )
                )
            continue
        if block.kind != "docs":
            continue
        unique_id = f"doc.{package.name}.{block.name}"
        if unique_id in reading.docs:
            what = f"two docs blocks are called `{block.name}`"
            reading.found.append(duplicate(what, where, None))
            continue
        reading.docs[unique_id] = DocBlock(
            unique_id=unique_id,
            package=package.name,
            name=block.name,
            path=file.original_path,
            text=block.body.strip(),
        )
