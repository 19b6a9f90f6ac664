"""Metrics, semantic models, saved queries, exposures and time spines that dbt refuses."""

import pytest
from tests.project.conftest import Read, found, project_of

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import Json
from headwater.base.ids import NodeId
from headwater.graph.manifest import make_manifest
from headwater.graph.references import resolve_graph

FACTS = ArtifactFacts(generated_at="2026-11-21T03:22:49Z", invocation_id="abc")
SHOP = {
    "models/orders.sql": "select 1 as id",
    "models/metricflow_time_spine.sql": "select current_date as date_day",
    "models/docs.md": "{% docs sum %}all money{% enddocs %}",
}
SALES = """\
semantic_models:
  - name: sales
    model: ref('orders')
    config: {meta: {of: sales, owner: a}}
    defaults: {agg_time_dimension: at}
    entities: [{name: id, type: PRIMARY}]
    dimensions: [{name: at, type: TIME, type_params: {time_granularity: day}}]
    measures:
      - {name: revenue, agg: SUM, expr: amount, create_metric: true, config: {meta: {owner: b}}}
      - name: stock
        agg: sum
        description: "{{ doc('sum') }}"
        non_additive_dimension: {name: at, window_choice: max}
metrics:
  - {name: double, label: d, type: derived, type_params: {expr: revenue * 2, metrics: [revenue]}}
  - name: all_time
    label: a
    type: cumulative
    type_params: {measure: stock, window: 2 fortnights}
"""
FAULTY = {
    "metrics: [{name: m, label: m, type: derived, type_params: {metrics: []}, foo: 1}]": "`foo`",
    "metrics: [{name: m, label: m, type: simple, type_params: {}}]": "no `measure`",
    "metrics: [{name: m, label: m, type: ratio, type_params: {numerator: m}}]": "no `denominator`",
    "metrics: [{name: m, label: m, type: derived, type_params: 1}]": "no mapping",
    "metrics: [{name: m, type: simple}]": "no `agg`",
    "metrics: [{name: m, type: simple, agg: sum}]": "belongs to no semantic model",
    "metrics: [{name: m, type: cumulative}]": "no `input_metric`",
    "metrics: [{name: m, type: derived, window: later}]": "the window `later`",
    "semantic_models: [{name: s}]": "no `model`",
    "semantic_models: [{name: s, model: ref('orders'), measures: [{name: a}]}]": "without `agg`",
    "saved_queries: [{name: s}]": "no `query_params`",
    "exposures: [{name: e, type: ml, owner: {name: x}, tags: null}]": "`tags:` without a value",
    "exposures: [{name: e, type: ml, owner: {name: x}, of: 1}]": "`of`, which is not known",
    "models: [{name: orders, time_spine: {standard_granularity_column: id}}]": "not describe",
    "models: [{name: orders, columns: [{name: id}], "
    "time_spine: {standard_granularity_column: id}}]": "no `granularity`",
}


@pytest.mark.parametrize("text", FAULTY, ids=range(len(FAULTY)))
def test_what_dbt_refuses_of_the_semantic_layer_is_a_fault_with_its_place(
    read: Read, text: str
) -> None:
    result = read({**SHOP, "models/p.yml": text})

    errors = [each for each in result.diagnostics if each.severity == "error"]
    assert [each.name for each in errors] == ["properties-shape"]
    assert FAULTY[text] in errors[0].what
    assert errors[0].fix
    assert errors[0].where is not None


def test_faults_of_metrics_below_a_model_are_told_where_they_are(read: Read) -> None:
    text = (
        "models:\n"
        "  - name: orders\n"
        "    semantic_model: true\n"
        "    metrics:\n"
        "      - {name: a, type: simple}\n"
    )

    result = read({**SHOP, "models/p.yml": text})

    assert found(result) == [("properties-shape", "models/p.yml:5:9")]


def test_semantic_models_need_a_time_spine_of_days_or_finer(read: Read) -> None:
    spine = (
        "models:\n"
        "  - name: days\n"
        "    time_spine: {standard_granularity_column: at}\n"
        "    columns: [{name: at, granularity: %s}]\n"
    )
    model = {"models/orders.sql": "select 1 as id", "models/days.sql": "select 1 as at"}
    semantic = "semantic_models: [{name: sales, model: ref('orders')}]\n"

    without = read({**model, "models/p.yml": semantic})
    coarse = read({**model, "models/p.yml": semantic + spine % "month"})
    daily = read({**model, "models/p.yml": semantic + spine % "day"})

    assert found(without) == [("properties-shape", "models/p.yml:1:20")]
    assert len(found(coarse)) == 1
    assert found(daily) == []


def _document(read: Read, section: str) -> dict[str, dict[str, Json]]:
    result = read({**SHOP, "models/p.yml": SALES})
    assert found(result) == []
    project = project_of(result)
    entries = make_manifest(project, resolve_graph(project).graph, FACTS)[section]
    assert isinstance(entries, dict)
    return {key: entry for key, entry in entries.items() if isinstance(entry, dict)}


def test_a_measure_with_create_metric_is_a_metric_that_others_may_read(read: Read) -> None:
    metrics = _document(read, "metrics")

    created = metrics["metric.shop.revenue"]
    derived = metrics["metric.shop.double"]["type_params"]
    assert created["description"] == "Metric created from measure revenue"
    assert created["config"] == {
        "enabled": True, "group": None, "meta": {"of": "sales", "owner": "a"},
    }  # fmt: skip
    assert isinstance(derived, dict)
    assert [each["name"] for each in derived["input_measures"]] == ["revenue"]  # type: ignore[index, union-attr, call-overload] # JSON


def test_windows_stand_where_newer_readers_of_the_manifest_look(read: Read) -> None:
    parameters = _document(read, "metrics")["metric.shop.all_time"]["type_params"]

    assert isinstance(parameters, dict)
    assert parameters["cumulative_type_params"] == {
        "period_agg": "first",
        "grain_to_date": None,
        "window": {"count": 2, "granularity": "fortnights"},
        "metric": None,
    }


def test_parts_of_a_semantic_model_are_written_in_full(read: Read) -> None:
    model = _document(read, "semantic_models")["semantic_model.shop.sales"]

    measures = model["measures"]
    assert isinstance(measures, list)
    revenue, stock = measures
    assert isinstance(revenue, dict)
    assert isinstance(stock, dict)
    assert revenue["config"] == {"meta": {"of": "sales", "owner": "b"}}
    assert (stock["description"], stock["agg"]) == ("all money", "sum")
    assert stock["non_additive_dimension"] == {
        "name": "at", "window_choice": "max", "window_groupings": [],
    }  # fmt: skip
    assert [each["type"] for each in model["entities"]] == ["primary"]  # type: ignore[index, union-attr, call-overload] # JSON
    assert [each["type"] for each in model["dimensions"]] == ["time"]  # type: ignore[index, union-attr, call-overload] # JSON


def test_an_exposure_depends_on_the_metrics_that_it_names(read: Read) -> None:
    exposure = (
        "exposures: [{name: e, type: ml, owner: {name: x}, depends_on: [\"metric('double')\"]}]\n"
    )

    result = read({**SHOP, "models/p.yml": SALES + exposure})
    project = project_of(result)
    entries = make_manifest(project, resolve_graph(project).graph, FACTS)["exposures"]

    assert isinstance(entries, dict)
    entry = entries["exposure.shop.e"]
    assert isinstance(entry, dict)
    assert entry["metrics"] == [["double"]]
    assert entry["depends_on"] == {"macros": [], "nodes": ["metric.shop.double"]}


def test_texts_of_metrics_below_a_model_are_rendered_as_descriptions_and_never_as_filters(
    read: Read,
) -> None:
    text = (
        "models:\n"
        "  - name: orders\n"
        "    semantic_model: true\n"
        "    columns:\n"
        "      - name: id\n"
        "        entity: {type: primary, name: key, description: \"{{ doc('sum') }}\"}\n"
        "    derived_semantics:\n"
        "      entities: [{name: k, type: unique, expr: id, description: \"{{ doc('sum') }}\"}]\n"
        "    metrics:\n"
        "      - name: a\n"
        "        type: simple\n"
        "        agg: sum\n"
        "        description: \"{{ doc('sum') }}\"\n"
        "        filter: \"{{ Dimension('key__id') }} > 1\"\n"
    )

    result = read({**SHOP, "models/p.yml": text})

    assert found(result) == []
    project = project_of(result)
    metric = project.nodes[NodeId("metric.shop.a")]
    assert metric.description == "all money"
    assert metric.declared["filter"] == "{{ Dimension('key__id') }} > 1"
    entities = project.nodes[NodeId("semantic_model.shop.orders")].declared["entities"]
    assert isinstance(entities, list)
    assert [each["description"] for each in entities if isinstance(each, dict)] == [
        "all money",
        "all money",
    ]
