"""dbt 1.12's semantic layer, written inside of models: turned into the entries of the older form.

``semantic_model: true`` makes a model a semantic model; ``entity:`` and ``dimension:`` of its
columns, ``derived_semantics:`` and ``metrics:`` say the rest. What is made here is read like
entries of ``semantic_models:`` and ``metrics:``, so that artifacts know one form.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from headwater.base.codec import Json
from headwater.project.findings import wrong_shape
from headwater.project.reading import Entry, Reading
from headwater.project.semantic_checks import new_metric_faults

Document = dict[str, Json]

_CUMULATIVE = ("window", "grain_to_date", "period_agg")
_CONVERSION = ("entity", "calculation", "window", "constant_properties")


def read_semantic_yaml(reading: Reading) -> None:
    """Add the semantic models and metrics that models hold."""
    for entry in reading.entries.get("models", ()):
        if _is_semantic(entry):
            _read_model(reading, entry)
    listed = reading.entries.get("metrics", [])
    reading.entries["metrics"] = [
        entry if "type_params" in entry.values else _with_parameters(entry, "") for entry in listed
    ]


def _is_semantic(entry: Entry) -> bool:
    asked = entry.values.get("semantic_model")
    return asked is True or (isinstance(asked, dict) and asked.get("enabled") is not False)


def _read_model(reading: Reading, entry: Entry) -> None:
    settings = _mapping(entry.values.get("semantic_model"))
    name = str(settings.get("name") or entry.name)
    derived = _mapping(entry.values.get("derived_semantics"))
    columns = [each for each in _listed(entry.values.get("columns")) if each.get("name")]
    model: Document = {
        "name": name,
        "model": f"ref('{entry.name}')",
        "description": entry.values.get("description"),
        "defaults": {"agg_time_dimension": entry.values.get("agg_time_dimension")},
        "primary_entity": entry.values.get("primary_entity"),
        "entities": [*_entities(columns), *_elements(derived.get("entities"))],
        "dimensions": [*_dimensions(columns), *_derived_dimensions(derived.get("dimensions"))],
        "config": {
            **_mapping(settings.get("config")),
            **{key: settings[key] for key in ("enabled", "group") if key in settings},
        },
    }
    reading.entries.setdefault("semantic_models", []).append(replace(entry, values=model))
    listed = _listed(entry.values.get("metrics"))
    for metric in listed:
        if not metric.get("name"):
            what = f"a metric of `{entry.name}` has no `name`"
            reading.found.append(wrong_shape(what, entry.span("metrics")))
            continue
        for what, path, fix in new_metric_faults(metric):
            place = entry.span("metrics", listed.index(metric), *path)
            message = f"metric `{metric['name']}` {what}"
            reading.found.append(wrong_shape(message, place, fix))
        time = metric.get("agg_time_dimension") or entry.values.get("agg_time_dimension")
        values = {**metric, "agg_time_dimension": time}
        made = _with_parameters(replace(entry, values=values), name)
        reading.entries.setdefault("metrics", []).append(made)


def _entities(columns: list[Document]) -> Iterator[Json]:
    for column in columns:
        written = column.get("entity")
        if written is None:
            continue
        own: Document = written if isinstance(written, dict) else {"type": written}
        yield _element(column, own, {"type": own.get("type")})


def _dimensions(columns: list[Document]) -> Iterator[Json]:
    for column in columns:
        written = column.get("dimension")
        if written is None:
            continue
        own: Document = written if isinstance(written, dict) else {"type": written}
        more: Document = {"type": own.get("type"), **_time_parameters(column, own)}
        if own.get("is_partition"):
            more["is_partition"] = True
        yield _element(column, own, more)


def _element(column: Document, own: Document, more: Document) -> Document:
    """Return an entity or dimension of a column; what it does not say, the column says."""
    name = own.get("name") or column["name"]
    meta = {**_meta_of(column), **_meta_of(own)}
    return {
        "name": name,
        **more,
        "description": own.get("description") or column.get("description"),
        "label": own.get("label"),
        "expr": column["name"] if name != column["name"] else None,
        "config": {"meta": meta},
    }


def _meta_of(written: Document) -> Document:
    return {
        **_mapping(written.get("meta")),
        **_mapping(_mapping(written.get("config")).get("meta")),
    }


def _time_parameters(column: Document, own: Document) -> Document:
    if column.get("granularity") is None:
        return {}
    validity = own.get("validity_params")
    return {"type_params": {"time_granularity": column["granularity"], "validity_params": validity}}


def _elements(written: Json) -> Iterator[Json]:
    yield from _listed(written)


def _derived_dimensions(written: Json) -> Iterator[Json]:
    for each in _listed(written):
        kept = {k: v for k, v in each.items() if k not in {"granularity", "validity_params"}}
        yield {**kept, **_time_parameters(each, each)}


def _with_parameters(entry: Entry, semantic_model: str) -> Entry:
    """Return a metric with ``type_params``, made of the keys that newer files write beside them."""
    values = entry.values
    kind = str(values.get("type") or "simple").lower()
    parameters: Document = {
        "expr": values.get("expr"),
        "window": values.get("window"),
        "join_to_timespine": bool(values.get("join_to_timespine")),
        "is_private": bool(values.get("hidden")),
    }
    match kind:
        case "simple":
            parameters["metric_aggregation_params"] = {
                "semantic_model": semantic_model or None,
                "agg": values.get("agg"),
                "agg_params": _aggregation_parameters(values),
                "agg_time_dimension": values.get("agg_time_dimension"),
                "non_additive_dimension": _non_additive(values.get("non_additive_dimension")),
            }
        case "ratio":
            parameters |= {key: values.get(key) for key in ("numerator", "denominator")}
        case "derived":
            parameters["metrics"] = values.get("input_metrics") or []
        case "cumulative":
            own: Document = {key: values[key] for key in _CUMULATIVE if key in values}
            parameters["cumulative_type_params"] = {**own, "metric": values.get("input_metric")}
        case "conversion":
            own = {key: values[key] for key in _CONVERSION if key in values}
            parameters["conversion_type_params"] = {
                **own,
                "base_metric": values.get("base_metric"),
                "conversion_metric": values.get("conversion_metric"),
            }
        case _:
            pass
    kept = {
        key: values[key]
        for key in ("name", "description", "label", "config", "filter", "time_granularity", "meta")
        if key in values
    }
    return replace(
        entry,
        values={
            **kept,
            "type": kind,
            "label": kept.get("label") or entry.name,
            "type_params": parameters,
        },
    )


def _aggregation_parameters(values: Mapping[str, Json]) -> Document:
    kind = str(values.get("percentile_type") or "").lower()
    return {
        "percentile": values.get("percentile"),
        "use_discrete_percentile": kind == "discrete",
        "use_approximate_percentile": kind == "continuous",
    }


def _non_additive(value: Json) -> Json:
    own = _mapping(value)
    if not own:
        return None
    return {
        "name": own.get("name"),
        "window_choice": own.get("window_agg"),
        "window_groupings": own.get("group_by") or [],
    }


def created_metrics(model: Entry, config: Mapping[str, Json]) -> Iterator[Entry]:
    """Give the metrics that measures with ``create_metric`` ask for.

    Args:
        model: A semantic model.
        config: Its config, which the metrics take on.
    """
    for measure in _listed(model.values.get("measures")):
        name = measure.get("name")
        if measure.get("create_metric") is not True or not name:
            continue
        own: Document = {"enabled": config.get("enabled", True), "meta": config.get("meta") or {}}
        values: Document = {
            "name": name,
            "label": measure.get("label") or name,
            "description": measure.get("description") or f"Metric created from measure {name}",
            "type": "simple",
            "type_params": {"measure": name, "expr": measure.get("expr") or name},
            "config": own,
        }
        yield replace(model, values=values)


def _mapping(value: Json) -> Document:
    return value if isinstance(value, dict) else {}


def _listed(value: Json) -> list[Document]:
    return [each for each in (value if isinstance(value, list) else ()) if isinstance(each, dict)]
