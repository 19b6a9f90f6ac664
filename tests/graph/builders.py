"""Small projects for tests: nodes and graphs written in a line each."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from headwater.base.ids import NodeId
from headwater.base.relations import TableName
from headwater.base.spans import Span
from headwater.graph.graph import CompiledNode, Graph
from headwater.graph.resolve import resolve
from headwater.project.node import Node, Ref, SourceInfo, SourceRef, TestInfo
from headwater.sql.lineage import Influence, OutputColumn, QueryLineage


def table(name: str) -> TableName:
    return TableName("shop", "main", name)


def model(name: str, *refs: str | Ref, **options: Any) -> Node:
    package = options.pop("package", "shop")
    folder = options.pop("folder", "")
    version = options.pop("version", None)
    file = f"models/{folder}{name}.sql"
    unique_id = f"model.{package}.{name}" + (f".v{version}" if version else "")
    folders = tuple(part for part in folder.split("/") if part)
    fqn = (package, *folders, name, *([f"v{version}"] if version else []))
    return Node(
        unique_id=NodeId(unique_id),
        resource_type=options.pop("resource_type", "model"),
        package=package,
        name=name,
        path=f"{folder}{name}.sql",
        original_path=file,
        fqn=fqn,
        relation=options.pop("relation", table(name if not version else f"{name}_v{version}")),
        refs=tuple(
            ref
            if isinstance(ref, Ref)
            else Ref(name=ref, where=Span(file=file, line=index + 1, column=7))
            for index, ref in enumerate(refs)
        ),
        where=Span(file=file),
        **options,
    )


def source(source_name: str, name: str, package: str = "shop") -> Node:
    return Node(
        unique_id=NodeId(f"source.{package}.{source_name}.{name}"),
        resource_type="source",
        package=package,
        name=name,
        path="models/sources.yml",
        original_path="models/sources.yml",
        fqn=(package, source_name, name),
        relation=TableName("shop", source_name, name),
        source=SourceInfo(source_name=source_name, identifier=name),
    )


def generic_test(name: str, macro: str, *refs: str, **options: Any) -> Node:
    attached = options.pop("attached", refs[0] if refs else None)
    return Node(
        unique_id=NodeId(f"test.shop.{name}.abc"),
        resource_type="test",
        package="shop",
        name=name,
        path=f"{name}.sql",
        original_path="models/schema.yml",
        fqn=("shop", name),
        refs=tuple(Ref(name=ref) for ref in refs),
        test=TestInfo(
            name=macro,
            namespace=None,
            arguments=MappingProxyType({}),
            column=None,
            attached_node=NodeId(f"model.shop.{attached}") if attached else None,
        ),
        **options,
    )


def source_ref(source_name: str, name: str) -> SourceRef:
    return SourceRef(source_name=source_name, name=name)


def by_id(*nodes: Node) -> Mapping[NodeId, Node]:
    return {node.unique_id: node for node in nodes}


def graph_of(*nodes: Node, lineage: Mapping[str, QueryLineage] | None = None) -> Graph:
    found = resolve("shop", by_id(*nodes))
    known = by_id(*nodes)
    return Graph(
        project="shop",
        target="dev",
        nodes={
            key: CompiledNode(
                node=known[key],
                depends_on=found.depends_on[key],
                lineage=(lineage or {}).get(known[key].name),
            )
            for key in found.order
        },
        gates={},
        checksum="",
    )


def traced(
    columns: Mapping[str, Sequence[tuple[str, str, Any]]],
    rows: Sequence[tuple[str, str, Any]] = (),
) -> QueryLineage:
    def influences(items: Sequence[tuple[str, str, Any]]) -> tuple[Influence, ...]:
        return tuple(sorted(Influence(table(name), column, how) for name, column, how in items))

    return QueryLineage(
        columns=tuple(
            OutputColumn(name=name, type="", influences=influences(items), fingerprint=name)
            for name, items in columns.items()
        ),
        row_set=influences(rows),
        row_fingerprint="",
        reads=tuple(
            sorted({table(item[0]) for items in [*columns.values(), rows] for item in items})
        ),
    )
