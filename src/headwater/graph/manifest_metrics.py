"""Metrics, semantic models and saved queries as dbt's manifest writes them: short forms in full."""

from collections.abc import Mapping

from headwater.base.codec import Json, to_builtins
from headwater.base.ids import NodeId
from headwater.graph.graph import CompiledNode
from headwater.project.naming import relation_name
from headwater.project.node import Node
from headwater.project.project import Project
from headwater.project.semantic_checks import GRANULARITIES

Document = dict[str, Json]

MEASURE: Document = {
    "filter": None,
    "alias": None,
    "join_to_timespine": False,
    "fill_nulls_with": None,
}
METRIC: Document = {"filter": None, "alias": None, "offset_window": None, "offset_to_grain": None}
TYPE_PARAMETERS: Document = {
    "measure": None,
    "input_measures": [],
    "numerator": None,
    "denominator": None,
    "expr": None,
    "window": None,
    "grain_to_date": None,
    "metrics": [],
    "conversion_type_params": None,
    "cumulative_type_params": None,
    "metric_aggregation_params": None,
    "fill_nulls_with": None,
    "join_to_timespine": False,
    "is_private": None,
}
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
            document = _metric(declared)
            parameters = _mapping(document["type_params"])
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
    parameters = _mapping(node.declared.get("type_params"))
    conversion = _mapping(parameters.get("conversion_type_params"))
    own = (
        parameters.get("measure"),
        conversion.get("base_measure"),
        conversion.get("conversion_measure"),
    )
    found = [_named(to_builtins(each), MEASURE) for each in own if each is not None]
    for key in compiled.depends_on:
        read = nodes.get(key)
        if read is not None and read.node.resource_type == "metric" and key not in above:
            found += input_measures(read, nodes, above | {node.unique_id})
    return [each for index, each in enumerate(found) if each not in found[:index]]


def _metric(declared: Document) -> Document:
    given = _mapping(declared.get("type_params"))
    parameters = {**TYPE_PARAMETERS, **given}
    parameters["expr"] = _text(given.get("expr"))
    parameters["measure"] = _named(given.get("measure"), MEASURE)
    for key in ("numerator", "denominator"):
        parameters[key] = _named(given.get(key), METRIC)
    listed = given.get("metrics")
    parameters["metrics"] = [_named(part, METRIC) for part in _listed(listed)]
    parameters["window"] = _window(given.get("window"))
    kind = str(declared.get("type") or "simple").lower()
    parameters["cumulative_type_params"] = _cumulative(given) if kind == "cumulative" else None
    parameters["conversion_type_params"] = _conversion(given.get("conversion_type_params"))
    return {
        **declared,
        "type": kind,
        "label": declared.get("label") or declared["name"],
        "type_params": parameters,
        "filter": _filter(declared.get("filter")),
        "metadata": None,
        "time_granularity": declared.get("time_granularity"),
    }


def _cumulative(given: Mapping[str, Json]) -> Document:
    """Write what a cumulative metric sums over, which older files say one level above."""
    own = _mapping(given.get("cumulative_type_params"))
    return {
        "period_agg": "first",
        **own,
        "grain_to_date": own.get("grain_to_date") or given.get("grain_to_date"),
        "window": _window(own.get("window") or given.get("window")),
        "metric": _named(own.get("metric"), METRIC),
    }


def _conversion(given: Json) -> Json:
    own = _mapping(given)
    if not own:
        return None
    return {
        "entity": None,
        "constant_properties": None,
        **own,
        "calculation": own.get("calculation") or "conversion_rate",
        "base_measure": _named(own.get("base_measure"), MEASURE),
        "conversion_measure": _named(own.get("conversion_measure"), MEASURE),
        "base_metric": _named(own.get("base_metric"), METRIC),
        "conversion_metric": _named(own.get("conversion_metric"), METRIC),
        "window": _window(own.get("window")),
    }


def _named(value: Json, defaults: Document) -> Json:
    if value is None:
        return None
    entry: Document = dict(value) if isinstance(value, dict) else {"name": value}
    entry["filter"] = _filter(entry.get("filter"))
    if "offset_window" in entry:
        entry["offset_window"] = _window(entry["offset_window"])
    return {**defaults, **entry}


def _window(value: Json) -> Json:
    """Turn ``1 month`` into a count and a granularity."""
    if not isinstance(value, str):
        return value
    count, _, written = value.strip().lower().partition(" ")
    if not count.isdigit():
        return None
    unit = written.strip()
    singular = unit.removesuffix("s")
    return {"count": int(count), "granularity": singular if singular in GRANULARITIES else unit}


def _filter(value: Json) -> Json:
    if value is None:
        return None
    if isinstance(value, dict):
        return value
    return {"where_filters": [{"where_sql_template": str(part)} for part in _listed(value)]}


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
    inherited = _mapping(to_builtins(dict(node.meta)))
    parts: list[Document] = []
    for entry in map(_mapping, _listed(declared.get(key))):
        own = _mapping(_mapping(entry.get("config")).get("meta"))
        meta: Document = {**inherited, **own}
        part: Document = {**common, **entry, "expr": _text(entry.get("expr"))}
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
    parameters = _mapping(entry.get("type_params"))
    extra: Document = {"is_partition": False, "metadata": None}
    filled: Json = {"validity_params": None, **parameters} if parameters else None
    return {**extra, **entry, "type_params": filled}


def _saved_query(project: Project, node: Node, declared: Document) -> Document:
    parameters = _mapping(declared.get("query_params"))
    exports: list[Json] = [
        _export(project, node, _mapping(part)) for part in _listed(declared.get("exports"))
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
            "where": _filter(parameters.get("where")),
        },
        "exports": exports,
    }


def _export(project: Project, node: Node, given: Mapping[str, Json]) -> Document:
    """Write where an export goes; what it does not say, the config of its query says."""
    own = _mapping(given.get("config"))
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


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _listed(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Json) -> Json:
    return None if value is None else str(value)
