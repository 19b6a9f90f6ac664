"""Docs blocks: ``{% docs name %}`` in Markdown files, for ``doc()`` in descriptions."""

from headwater.base.diagnostics import Diagnostic, diagnostic_of
from headwater.base.errors import HeadwaterError
from headwater.base.spans import span_at
from headwater.jinja.scan import Block, UnclosedBlock, scan_blocks
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
                        fix="write both `{% docs name %}` and `{% enddocs %}`",
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
            text=_rendered(reading, package, file, block),
        )


def _rendered(reading: Reading, package: Package, file: ProjectFile, block: Block) -> str:
    """Render a block's own Jinja, such as ``{% raw %}``; as in dbt, nothing is defined in it."""
    lines = file.text.count("\n", 0, block.body_start)
    try:
        return reading.templates.render(
            "\n" * lines + block.body, name=file.file, context={}, package=package.name
        ).text.strip()
    except HeadwaterError as error:
        reading.found.append(diagnostic_of(error))
        return block.body.strip()
