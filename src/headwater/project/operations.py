"""on-run-start and on-run-end: each hook of a dbt_project.yml is an operation node."""

from types import MappingProxyType

from headwater.base.ids import NodeId
from headwater.project.capture import Text, capture
from headwater.project.models import finish_config
from headwater.project.node import Node
from headwater.project.properties import texts
from headwater.project.reading import Package, Reading


def read_operations(reading: Reading) -> tuple[tuple[NodeId, ...], tuple[NodeId, ...]]:
    """Read the hooks of all packages.

    Returns:
        unique_ids of on-run-start and of on-run-end, packages first, in the order to run.
    """
    starts: list[NodeId] = []
    ends: list[NodeId] = []
    for package in (*reading.packages[1:], *reading.packages[:1]):
        settings = package.settings
        starts += _read(reading, package, "on-run-start", settings.on_run_start)
        ends += _read(reading, package, "on-run-end", settings.on_run_end)
    return tuple(starts), tuple(ends)


def _read(reading: Reading, package: Package, key: str, hooks: tuple[str, ...]) -> list[NodeId]:
    result = []
    file = package.settings.file
    for index, code in enumerate(hooks):
        name = f"{package.name}-{key}-{index}"
        text = Text(
            kind="operation",
            package=package.name,
            name=name,
            file=file.file,
            path="dbt_project.yml",
            fqn=(package.name, "hooks", name),
            code=code,
        )
        captured = capture(reading, text)
        config = reading.trees.resolve("operation", package.name, text.fqn, call=captured.config)
        finish_config(reading, config, text, None)
        meta = config.get("meta")
        node = Node(
            unique_id=NodeId(f"operation.{package.name}.{name}"),
            resource_type="operation",
            package=package.name,
            name=name,
            path=f"hooks/{name}.sql",
            original_path="./dbt_project.yml",  # as dbt writes it
            fqn=text.fqn,
            raw_code=code,
            config=MappingProxyType(config),
            refs=captured.refs,
            sources=captured.sources,
            macros=captured.macros,
            tags=tuple(sorted({key, *texts(config.get("tags"))})),
            meta=MappingProxyType(meta if isinstance(meta, dict) else {}),
            where=file.span(key),
        )
        if reading.add(node):
            result.append(node.unique_id)
    return result
