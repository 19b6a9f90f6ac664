"""Metrics, semantic models and saved queries as dbt's manifest writes them: short forms in full."""

from collections.abc import Mapping

from headwater.base.codec import Json, to_builtins
from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode
from headwater.project.metrics import (
    MEASURE,
    filters,
    listed,
    mapping,
    metric_document,
    named,
    text,
)
from headwater.project.naming import relation_name
from headwater.project.node import Node
from headwater.project.project import Project

Document = dict[str, Json]
_COMMON = frozenset({"description", "tags", "meta", "config"})
"""Keys that are the caller's: what is written there is not yet rendered or merged."""


def semantic_document(
    project: Project, compiled: CompiledNode, nodes: Mapping[NodeId, CompiledNode]
) -> Document:
    """Return what only this kind of node has; the common keys are the caller's."""
    node = compiled.node
    kept = {key: value for key, value in node.declared.items() if key not in _COMMON}
    declared = to_builtins(kept)
    assert isinstance(declared, dict)  # noqa: S101 - a mapping becomes a dict
    match node.resource_type:
        case "metric":
            document = metric_document(declared)
            parameters = mapping(document["type_params"])
            parameters["input_measures"] = input_measures(compiled, nodes)
            return document
        case "semantic_model":
            return _semantic_model(project, compiled, declared)
        case _:
            return _saved_query(project, node, declared)


def input_measures(
    compiled: CompiledNode,
    nodes: Mapping[NodeId, CompiledNode],
    above: frozenset[NodeId] = frozenset(),
) -> list[Json]:
    """Return the measures that a metric reads itself and by its input metrics, each once.

    Args:
        compiled: The metric.
        nodes: Where its inputs are found.
        above: Metrics that are being followed already, so that a circle ends.
    """
    node = compiled.node
    parameters = mapping(node.declared.get("type_params"))
    conversion = mapping(parameters.get("conversion_type_params"))
    own = (
        parameters.get("measure"),
        conversion.get("base_measure"),
        conversion.get("conversion_measure"),
    )
    found = [named(to_builtins(each), MEASURE) for each in own if each is not None]
    for key in compiled.depends_on:
        read = nodes.get(key)
        if read is not None and read.node.resource_type == "metric" and key not in above:
            found += input_measures(read, nodes, above | {node.unique_id})
    return [each for index, each in enumerate(found) if each not in found[:index]]


def _semantic_model(project: Project, compiled: CompiledNode, declared: Document) -> Document:
    models = [project.nodes[key] for key in compiled.depends_on if key in project.nodes]
    relation = models[0].relation if models else None
    naming = project.context_values.naming
    return {
        "label": None,
        "defaults": None,
        "primary_entity": None,
        **declared,
        "metadata": None,
        "node_relation": {
            "alias": relation.name if relation else "",
            "schema_name": relation.schema if relation else "",
            "database": relation.catalog if relation else None,
            "relation_name": (relation_name(naming, models[0]) if models else None) or "",
        },
        "entities": [
            {"role": None, **part} for part in _parts(compiled.node, declared, "entities")
        ],
        "measures": [_measure(part) for part in _parts(compiled.node, declared, "measures")],
        "dimensions": [_dimension(part) for part in _parts(compiled.node, declared, "dimensions")],
    }


def _parts(node: Node, declared: Document, key: str) -> list[Document]:
    """Write what these have in common; their meta adds to the semantic model's."""
    common: Document = {"description": None, "label": None}
    inherited = mapping(to_builtins(dict(node.meta)))
    parts: list[Document] = []
    for entry in map(mapping, listed(declared.get(key))):
        own = mapping(mapping(entry.get("config")).get("meta"))
        meta: Document = {**inherited, **own}
        part: Document = {**common, **entry, "expr": text(entry.get("expr"))}
        part["config"] = {"meta": meta}
        if key != "measures":
            part["type"] = str(entry.get("type")).lower()
        parts.append(part)
    return parts


def _measure(entry: Document) -> Document:
    extra: Document = {
        "agg_params": None,
        "non_additive_dimension": None,
        "agg_time_dimension": None,
        "create_metric": False,
    }
    written = entry.get("non_additive_dimension")
    whole: Json = {"window_groupings": [], **written} if isinstance(written, dict) else None
    aggregation = str(entry.get("agg") or "sum").lower()
    # A measure that asks for a metric has got it: dbt's manifest no longer says so.
    fixed: Document = {"agg": aggregation, "non_additive_dimension": whole, "create_metric": False}
    return {**extra, **entry, **fixed}


def _dimension(entry: Document) -> Document:
    parameters = mapping(entry.get("type_params"))
    extra: Document = {"is_partition": False, "metadata": None}
    filled: Json = {"validity_params": None, **parameters} if parameters else None
    return {**extra, **entry, "type_params": filled}


def _saved_query(project: Project, node: Node, declared: Document) -> Document:
    parameters = mapping(declared.get("query_params"))
    exports: list[Json] = [
        _export(project, node, mapping(part)) for part in listed(declared.get("exports"))
    ]
    return {
        "label": None,
        **declared,
        "metadata": None,
        "query_params": {
            "metrics": [],
            "group_by": [],
            "order_by": [],
            "limit": None,
            **parameters,
            "where": filters(parameters.get("where")),
        },
        "exports": exports,
    }


def _export(project: Project, node: Node, given: Mapping[str, Json]) -> Document:
    """Write where an export goes; what it does not say, the config of its query says."""
    own = mapping(given.get("config"))
    config = {**node.config, **{key: value for key, value in own.items() if value is not None}}
    target = project.target
    return {
        "name": given.get("name") or node.name,
        "config": {
            "export_as": str(config.get("export_as") or "table"),
            "schema_name": config.get("schema_name") or config.get("schema") or target.schema,
            "alias": own.get("alias") or given.get("name") or node.name,
            "database": config.get("database") or target.catalog,
        },
        "unrendered_config": own,
    }
