"""What a project reads that is no table of its lake: files named by sources, and seed files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.engines.engine import FileSource, Source
from headwater.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedFile:
    """A seed's file, for finding out its columns before it is loaded.

    Attributes:
        path: Absolute path.
        column_types: Declared types by column.
        delimiter: Field separator.
    """

    path: str
    column_types: Mapping[str, str]
    delimiter: str


def file_sources(project: Project) -> Mapping[TableName, Source]:
    """Return the sources with an ``external_location``, by the name that compiled SQL uses."""
    found: dict[TableName, Source] = {}
    for node in project.nodes.values():
        if node.source is None or node.relation is None or not node.source.external_location:
            continue
        found[node.relation] = FileSource(location=node.source.external_location)
    return MappingProxyType(found)


def seed_files(project: Project, root: Path) -> Mapping[TableName, SeedFile]:
    """Return every seed's file by the name of its table."""
    found: dict[TableName, SeedFile] = {}
    for node in project.nodes.values():
        if node.resource_type != "seed" or node.relation is None:
            continue
        types = node.config.get("column_types")
        folder = next((p.folder for p in project.packages if p.name == node.package), "")
        found[node.relation] = SeedFile(
            path=str(root / folder / node.original_path),
            column_types={str(k): str(v) for k, v in types.items()}
            if isinstance(types, Mapping)
            else {},
            delimiter=str(node.config.get("delimiter") or ","),
        )
    return MappingProxyType(found)


def seed_sizes(project: Project, root: Path) -> Mapping[NodeId, int]:
    """Return the bytes of every seed's file; a file that cannot be looked at is left out."""
    files = seed_files(project, root)
    found: dict[NodeId, int] = {}
    for node in project.nodes.values():
        if node.resource_type != "seed" or node.relation is None:
            continue
        try:
            found[NodeId(node.unique_id)] = Path(files[node.relation].path).stat().st_size
        except OSError:
            continue  # loading it will say what is wrong
    return MappingProxyType(found)
