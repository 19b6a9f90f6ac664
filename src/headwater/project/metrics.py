"""Metrics as dbt writes them in its manifest and shows them to Jinja: short forms in full."""

from collections.abc import Mapping

from headwater.base.codec import Json
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


def metric_document(declared: Document) -> Document:
    """Return a metric as written, with everything that it leaves out."""
    given = mapping(declared.get("type_params"))
    parameters = {**TYPE_PARAMETERS, **given}
    parameters["expr"] = text(given.get("expr"))
    parameters["measure"] = named(given.get("measure"), MEASURE)
    for key in ("numerator", "denominator"):
        parameters[key] = named(given.get(key), METRIC)
    parameters["metrics"] = [named(part, METRIC) for part in listed(given.get("metrics"))]
    parameters["window"] = _window(given.get("window"))
    kind = str(declared.get("type") or "simple").lower()
    parameters["cumulative_type_params"] = _cumulative(given) if kind == "cumulative" else None
    parameters["conversion_type_params"] = _conversion(given.get("conversion_type_params"))
    return {
        **declared,
        "type": kind,
        "label": declared.get("label") or declared["name"],
        "type_params": parameters,
        "filter": filters(declared.get("filter")),
        "metadata": None,
        "time_granularity": declared.get("time_granularity"),
    }


def _cumulative(given: Mapping[str, Json]) -> Document:
    """Write what a cumulative metric sums over, which older files say one level above."""
    own = mapping(given.get("cumulative_type_params"))
    return {
        "period_agg": "first",
        **own,
        "grain_to_date": own.get("grain_to_date") or given.get("grain_to_date"),
        "window": _window(own.get("window") or given.get("window")),
        "metric": named(own.get("metric"), METRIC),
    }


def _conversion(given: Json) -> Json:
    own = mapping(given)
    if not own:
        return None
    return {
        "entity": None,
        "constant_properties": None,
        **own,
        "calculation": own.get("calculation") or "conversion_rate",
        "base_measure": named(own.get("base_measure"), MEASURE),
        "conversion_measure": named(own.get("conversion_measure"), MEASURE),
        "base_metric": named(own.get("base_metric"), METRIC),
        "conversion_metric": named(own.get("conversion_metric"), METRIC),
        "window": _window(own.get("window")),
    }


def named(value: Json, defaults: Document) -> Json:
    """Return a name, or a mapping with one, as a mapping with everything."""
    if value is None:
        return None
    entry: Document = dict(value) if isinstance(value, dict) else {"name": value}
    entry["filter"] = filters(entry.get("filter"))
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


def filters(value: Json) -> Json:
    """Return the conditions of a filter."""
    if value is None:
        return None
    if isinstance(value, dict):
        return value
    return {"where_filters": [{"where_sql_template": str(part)} for part in listed(value)]}


def mapping(value: Json) -> dict[str, Json]:
    """Return a mapping; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: Json) -> list[Json]:
    """Return a list; one value is a list of it, nothing is none."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text(value: Json) -> Json:
    """Return a value as text, unless it is missing."""
    return None if value is None else str(value)
