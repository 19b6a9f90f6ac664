"""catalogs.yml: read, so that what cannot be honoured of it is said.

It tells a warehouse into which catalog of which table format to write. Here every table is a Delta
table of the workspace's lake.
"""

from collections.abc import Iterator

from headwater.base.diagnostics import Diagnostic
from headwater.project.files import ProjectFile
from headwater.project.findings import wrong_shape
from headwater.project.yaml_text import read_yaml


def check_catalogs(file: ProjectFile) -> Iterator[Diagnostic]:
    """Say which catalogs are declared and not written to."""
    loaded = read_yaml(file.file, file.text)
    if isinstance(loaded, Diagnostic):
        yield loaded
        return
    if loaded.content is None:
        return
    listed = loaded.content.get("catalogs") if isinstance(loaded.content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        what = f"`{file.file}` must have a list `catalogs`, each a mapping with a `name`"
        yield wrong_shape(what, loaded.span(), "write `catalogs:` and then `  - name: ...`")
        return
    for index, each in enumerate(listed):
        name = each.get("name") if isinstance(each, dict) else None
        yield Diagnostic(
            code="catalog-not-used",
            severity="warning",
            what=f"catalog `{name}` of `{file.file}` is not written to",
            why="every table is a Delta table of the workspace's lake",
            fix="build with the warehouse's own tool where its catalog is needed",
            where=loaded.span("catalogs", index),
        )
