"""Seeds: one CSV file, one node. The rows are read by the engine, never here."""

from dataclasses import replace
from types import MappingProxyType

from headwater.base.diagnostics import Diagnostic
from headwater.base.ids import NodeId
from headwater.base.spans import Span
from headwater.project.capture import Text
from headwater.project.files import folders_of, stem_of
from headwater.project.models import add_node, finish_config, with_hooks
from headwater.project.node import Node
from headwater.project.properties import patch_config
from headwater.project.reading import Reading


def read_seeds(reading: Reading) -> None:
    """Read the seeds of all packages."""
    for package in reading.packages:
        for file in package.of_kind("seed"):
            name = stem_of(file.path)
            text = Text(
                kind="seed",
                package=package.name,
                name=name,
                file=file.file,
                path=file.original_path,
                fqn=(package.name, *folders_of(file.path), name),
                code="",
            )
            entry = reading.patches.get(("seeds", package.name, name))
            config = reading.trees.resolve(
                "seed", package.name, text.fqn, patch=patch_config(entry)
            )
            finish_config(reading, config, text, entry)
            node = Node(
                unique_id=NodeId(f"seed.{package.name}.{name}"),
                resource_type="seed",
                package=package.name,
                name=name,
                path=file.path,
                original_path=file.original_path,
                fqn=text.fqn,
                config=MappingProxyType(config),
                checksum=file.checksum,
                stripped_checksum=file.stripped_checksum,
                where=Span(file=file.file),
            )
            add_node(reading, _with_hooks(reading, node, text), text, entry)


def _with_hooks(reading: Reading, node: Node, text: Text) -> Node:
    """Add what a seed's hooks call; what they may not is a finding, as in dbt."""
    hooked = with_hooks(reading, node, text, node.config)
    named = [f"ref('{each.name}')" for each in hooked.refs]
    named += [f"source('{each.source_name}', '{each.name}')" for each in hooked.sources]
    if named:
        reading.found.append(
            Diagnostic(
                code="config-type",
                severity="error",
                what=f"a hook of seed `{node.name}` refers to {', '.join(named)}",
                why="a seed is loaded before everything else, so that it depends on no other node",
                fix="put the hook on a model that reads the seed, or into on-run-end",
                where=node.where,
                node=node.unique_id,
            )
        )
    return replace(hooked, refs=(), sources=())
