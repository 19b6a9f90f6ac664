"""What exposures, metrics, semantic models and saved queries must look like, as dbt has it.

Nothing here is run, so a fault would only show in the tool that reads the manifest; dbt refuses it
when the file is read, and so do we, all faults at once. What concerns a node is in `checks.py`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.project.findings import suggestion, wrong_shape
from headwater.project.node import Node
from headwater.project.reading import Reading

Document = Mapping[str, Json]
Fault = tuple[str, tuple[str | int, ...], str]
"""What is wrong, the path of keys below the entry where, and how to mend it."""

GRANULARITIES = (
    "nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month",
    "quarter", "year",
)  # fmt: skip
"""Standard granularities, finest first; a project may add its own in a time spine."""

_WINDOW = re.compile(r"\d+ \S+")
_KINDS: Mapping[str, str] = {
    "metrics": "metric",
    "semantic_models": "semantic model",
    "saved_queries": "saved query",
    "exposures": "exposure",
    "models": "model",
}
_COMMON = frozenset({"name", "description", "label", "config"})
_METRIC = _COMMON | {"type", "filter", "time_granularity"}
_OLD_METRIC = _METRIC | {"type_params", "meta", "tags"}
_NEW_METRIC = _METRIC | {
    "hidden", "agg", "percentile", "percentile_type", "join_to_timespine", "fill_nulls_with",
    "expr", "non_additive_dimension", "agg_time_dimension", "window", "grain_to_date", "period_agg",
    "input_metric", "numerator", "denominator", "input_metrics", "entity", "calculation",
    "base_metric", "conversion_metric", "constant_properties",
}  # fmt: skip
_SEMANTIC_MODEL = _COMMON | {
    "model", "defaults", "entities", "measures", "dimensions", "primary_entity",
}  # fmt: skip
_SAVED_QUERY = _COMMON | {"query_params", "exports", "tags"}
_EXPOSURE = _COMMON | {"type", "owner", "maturity", "meta", "tags", "url", "depends_on"}
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "ratio": ("numerator", "denominator"),
    "conversion": ("base_metric", "conversion_metric", "entity"),
    "cumulative": ("input_metric",),
}


def check_semantics(reading: Reading) -> None:
    """Report every fault in the form of these entries, and of models that are time spines."""
    for key, faults_of in _CHECKS.items():
        for entry in reading.entries.get(key, ()):
            for what, path, fix in faults_of(entry.values):
                message = f"{_KINDS[key]} `{entry.name}` {what}"
                reading.found.append(wrong_shape(message, entry.span(*path), fix))


def check_time_spine(reading: Reading) -> None:
    """Report semantic models without a time spine: a model of at least one row for every day."""
    nodes = [node for node in reading.nodes.values() if node.is_enabled]
    semantic = next((node for node in nodes if node.resource_type == "semantic_model"), None)
    if semantic is None or any(_is_daily(node) for node in nodes):
        return
    what = f"semantic model `{semantic.name}` needs a time spine, and no model is one"
    fix = (
        "Add a model with a row for every day, and `time_spine: {standard_granularity_column: ...}`"
    )
    reading.found.append(wrong_shape(what, semantic.where, fix))


def _is_daily(node: Node) -> bool:
    """Say whether a model is a time spine of days or finer, by its properties or its old name."""
    if node.resource_type != "model":
        return False
    spine = node.declared.get("time_spine")
    if not isinstance(spine, Mapping):
        return node.name == "metricflow_time_spine"
    column = node.columns.get(str(spine.get("standard_granularity_column")))
    granularity = str(column.granularity).lower() if column else ""
    return granularity in GRANULARITIES[: GRANULARITIES.index("day") + 1]


def _metric_faults(values: Document) -> Iterator[Fault]:
    """Give the faults of an entry of ``metrics:``, in dbt's older form or its newer one."""
    if "type_params" in values:
        yield from _unknown(values, _OLD_METRIC)
        yield from _older(values)
    else:
        yield from new_metric_faults(values)
        if values.get("agg") is not None:
            fix = "Move it below `metrics:` of the model that it is computed from"
            yield "has `agg` and belongs to no semantic model", ("agg",), fix


def new_metric_faults(values: Document) -> Iterator[Fault]:
    """Give the faults of a metric in the form of dbt 1.12, also of one below a model."""
    yield from _unknown(values, _NEW_METRIC)
    kind = _kind(values)
    if kind == "simple" and values.get("agg") is None:
        yield "is simple and has no `agg`", (), "Say how rows become one number: `agg: sum`"
    for key in _NEEDED.get(kind, ()):
        if values.get(key) is None:
            yield f"is of type {kind} and has no `{key}`", (), f"Add `{key}:`"
    yield from _window_faults(values, ())


def _kind(values: Document) -> str:
    return str(values.get("type") or "simple").lower()


def _unknown(values: Document, known: Iterable[str]) -> Iterator[Fault]:
    names = sorted(known)
    for key in values:
        if key not in names:
            fix = suggestion(str(key), names) or "Take it out, or move it below `config: meta:`"
            yield f"has a key `{key}`, which is not known", (str(key),), fix


def _older(values: Document) -> Iterator[Fault]:
    parameters = values.get("type_params")
    if not isinstance(parameters, dict):
        fix = "Say there what it is made of, as in `measure: revenue`"
        yield "has `type_params` that are no mapping", ("type_params",), fix
        return
    kind = _kind(values)
    path = ("type_params",)
    if kind in {"simple", "cumulative"} and parameters.get("measure") is None:
        yield f"is of type {kind} and has no `measure`", path, "Add `measure:` to `type_params:`"
    for key in _NEEDED["ratio"] if kind == "ratio" else ():
        if parameters.get(key) is None:
            yield f"is of type ratio and has no `{key}`", path, f"Add `{key}:` to `type_params:`"
    conversion = parameters.get("conversion_type_params")
    if kind == "conversion":
        own = conversion if isinstance(conversion, dict) else {}
        for key in ("base_measure", "conversion_measure", "entity"):
            if own.get(key) is None:
                fix = f"Add `{key}:` to `conversion_type_params:`"
                yield f"is of type conversion and has no `{key}`", path, fix
    yield from _window_faults(parameters, path)
    for key in ("conversion_type_params", "cumulative_type_params"):
        inner = parameters.get(key)
        if isinstance(inner, dict):
            yield from _window_faults(inner, (*path, key))


def _window_faults(values: Document, path: tuple[str, ...]) -> Iterator[Fault]:
    window = values.get("window")
    if isinstance(window, str) and not _WINDOW.fullmatch(window.strip()):
        what = f"has the window `{window}`"
        yield what, (*path, "window"), "Write a count and a granularity: `28 days`"


def _semantic_model_faults(values: Document) -> Iterator[Fault]:
    yield from _unknown(values, _SEMANTIC_MODEL)
    if not isinstance(values.get("model"), str):
        yield "has no `model`", (), "Name the model that it describes: `model: ref('orders')`"
    for part, needed in (("entities", "type"), ("dimensions", "type"), ("measures", "agg")):
        listed = values.get(part)
        for index, each in enumerate(listed if isinstance(listed, list) else ()):
            own = each if isinstance(each, dict) else {}
            missing = [key for key in ("name", needed) if own.get(key) is None]
            for key in missing:
                what = f"has an entry of `{part}` without `{key}`"
                yield what, (part, index), f"Add `{key}:` to the entry"


def _saved_query_faults(values: Document) -> Iterator[Fault]:
    yield from _unknown(values, _SAVED_QUERY)
    if not isinstance(values.get("query_params"), dict):
        fix = "Say what is asked: `query_params: {metrics: [revenue]}`"
        yield "has no `query_params`", (), fix


def _exposure_faults(values: Document) -> Iterator[Fault]:
    yield from _unknown(values, _EXPOSURE)
    if "tags" in values and values["tags"] is None:
        yield "has `tags:` without a value", ("tags",), "Write `tags: []`, or take the line out"


def _time_spine_faults(values: Document) -> Iterator[Fault]:
    """Give the faults of a model that is a time spine; its columns say their granularity."""
    spine = values.get("time_spine")
    if not isinstance(spine, dict) or "versions" in values:
        return
    listed = values.get("columns")
    columns = {
        str(each.get("name")): each
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict)
    }
    name = str(spine.get("standard_granularity_column"))
    if name not in columns:
        what = f"is a time spine of column `{name}`, which it does not describe"
        yield what, ("time_spine",), f"Add the column with its granularity: `- name: {name}`"
    elif not columns[name].get("granularity"):
        what = f"is a time spine of column `{name}`, which has no `granularity`"
        yield what, ("time_spine",), "Say how far its rows are apart: `granularity: day`"
    custom = spine.get("custom_granularities")
    for each in custom if isinstance(custom, list) else ():
        own = each if isinstance(each, dict) else {}
        name = str(own.get("column_name") or own.get("name"))
        if name not in columns:
            what = f"has a granularity of column `{name}`, which it does not describe"
            yield what, ("time_spine", "custom_granularities"), f"Add the column: `- name: {name}`"


_CHECKS: Mapping[str, Callable[[Document], Iterator[Fault]]] = MappingProxyType(
    {
        "metrics": _metric_faults,
        "semantic_models": _semantic_model_faults,
        "saved_queries": _saved_query_faults,
        "exposures": _exposure_faults,
        "models": _time_spine_faults,
    }
)
