"""Metrics, semantic models and saved queries as dbt's manifest writes them: short forms in full."""

from collections.abc import Mapping

from headwater.base.codec import Json, to_builtins
from headwater.graph.graph import CompiledNode
from headwater.project.naming import relation_name
from headwater.project.node import Node
from headwater.project.project import Project

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
}


def semantic_document(project: Project, compiled: CompiledNode) -> Document:
    """Return what only this kind of node has; the common keys are the caller's."""
    node = compiled.node
    declared = to_builtins(dict(node.declared))
    assert isinstance(declared, dict)  # noqa: S101 - a mapping becomes a dict
    match node.resource_type:
        case "metric":
            return _metric(declared)
        case "semantic_model":
            return _semantic_model(project, compiled, declared)
        case _:
            return _saved_query(project, node, declared)


def _metric(declared: Document) -> Document:
    given = _mapping(declared.get("type_params"))
    parameters = {**TYPE_PARAMETERS, **given}
    parameters["measure"] = _named(given.get("measure"), MEASURE)
    for key in ("numerator", "denominator"):
        parameters[key] = _named(given.get(key), METRIC)
    listed = given.get("metrics")
    parameters["metrics"] = [_named(part, METRIC) for part in _listed(listed)]
    parameters["window"] = _window(given.get("window"))
    cumulative = declared.get("type") == "cumulative"
    parameters["cumulative_type_params"] = _cumulative(given) if cumulative else None
    parameters["conversion_type_params"] = _conversion(given.get("conversion_type_params"))
    return {
        "label": None,
        **declared,
        "type_params": parameters,
        "filter": _filter(declared.get("filter")),
        "metadata": None,
        "time_granularity": declared.get("time_granularity"),
    }


def _cumulative(given: Mapping[str, Json]) -> Document:
    own = _mapping(given.get("cumulative_type_params"))
    return {
        "grain_to_date": None,
        "period_agg": "first",
        **own,
        "window": _window(own.get("window")),
        "metric": _named(own.get("metric"), METRIC),
    }


def _conversion(given: Json) -> Json:
    own = _mapping(given)
    if not own:
        return None
    return {
        "entity": None,
        "calculation": "conversion_rate",
        **own,
        "base_measure": _named(own.get("base_measure"), MEASURE),
        "conversion_measure": _named(own.get("conversion_measure"), MEASURE),
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
    count, _, unit = value.strip().partition(" ")
    if not count.isdigit():
        return None
    return {"count": int(count), "granularity": unit.strip().removesuffix("s")}


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
        "entities": [{"role": None, **_part(part)} for part in _listed(declared.get("entities"))],
        "measures": [_measure(part) for part in _listed(declared.get("measures"))],
        "dimensions": [_dimension(part) for part in _listed(declared.get("dimensions"))],
    }


def _part(value: Json) -> Document:
    entry = _mapping(value)
    common: Document = {"description": None, "label": None, "expr": None, "config": {"meta": {}}}
    return {**common, **entry, "expr": _text(entry.get("expr"))}


def _measure(value: Json) -> Document:
    entry = _mapping(value)
    extra: Document = {
        "agg_params": None,
        "non_additive_dimension": None,
        "agg_time_dimension": None,
        "create_metric": False,
    }
    return {**extra, **_part(value), "agg": str(entry.get("agg") or "sum").lower()}


def _dimension(value: Json) -> Document:
    parameters = _mapping(_mapping(value).get("type_params"))
    extra: Document = {"is_partition": False, "metadata": None}
    filled: Json = {"validity_params": None, **parameters} if parameters else None
    return {**extra, **_part(value), "type_params": filled}


def _saved_query(project: Project, node: Node, declared: Document) -> Document:
    parameters = _mapping(declared.get("query_params"))
    exports: list[Json] = [
        _export(project, _mapping(part), node.name) for part in _listed(declared.get("exports"))
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


def _export(project: Project, given: Mapping[str, Json], name: str) -> Document:
    config = _mapping(given.get("config"))
    target = project.target
    return {
        "name": given.get("name") or name,
        "config": {
            "export_as": str(config.get("export_as") or "table"),
            "schema_name": config.get("schema") or target.schema,
            "alias": config.get("alias") or given.get("name") or name,
            "database": target.catalog,
        },
        "unrendered_config": dict(config),
    }


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _listed(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Json) -> Json:
    return None if value is None else str(value)
