"""dbt 1.12's semantic layer inside of models, kept in the manifest in dbt's older form."""

from tests.project.conftest import Read, found, project_of

from headwater.base.artifacts import ArtifactFacts
from headwater.base.codec import Json
from headwater.graph.manifest import make_manifest
from headwater.graph.references import resolve_graph

FACTS = ArtifactFacts(generated_at="2026-11-21T03:22:49Z", invocation_id="abc")
REVENUE = """\
models:
  - name: revenue
    description: what came in
    semantic_model: %s
    agg_time_dimension: day_of
    primary_entity: order
    columns:
      - name: id
        entity: primary
      - name: customer_id
        config: {meta: {a: 1}}
        entity: {name: customer, type: foreign, config: {meta: {b: 2}}}
      - name: at
        granularity: day
        dimension: {name: day_of, type: time, label: Day}
      - {name: state, description: of the order, dimension: categorical}
      - {name: amount}
    derived_semantics:
      dimensions: [{name: is_big, type: categorical, expr: amount > 10}]
      entities: [{name: pair, type: unique, expr: "id || at"}]
    metrics:
      - {name: total, type: simple, agg: sum, expr: amount}
      - {name: share, type: ratio, numerator: total, denominator: total}
metrics:
  - {name: twice, type: derived, expr: total * 2, input_metrics: [total]}
"""
MODEL = {
    "models/revenue.sql": "select 1 as id",
    "models/metricflow_time_spine.sql": "select current_date as date_day",
}


def _manifest(read: Read, asked: str) -> dict[str, dict[str, Json]]:
    result = read({**MODEL, "models/p.yml": REVENUE % asked})
    assert found(result) == []
    project = project_of(result)
    manifest = make_manifest(project, resolve_graph(project).graph, FACTS)
    both: dict[str, dict[str, Json]] = {}
    for section in (manifest["semantic_models"], manifest["metrics"]):
        assert isinstance(section, dict)
        both |= {key: entry for key, entry in section.items() if isinstance(entry, dict)}
    return both


def _named(entry: dict[str, Json], key: str) -> dict[str, Json]:
    listed = entry[key]
    assert isinstance(listed, list)
    return {str(each["name"]): each for each in listed if isinstance(each, dict)}


def _depends_on(entry: dict[str, Json]) -> Json:
    inputs = entry["depends_on"]
    assert isinstance(inputs, dict)
    return inputs["nodes"]


def test_a_model_is_a_semantic_model_when_it_says_so(read: Read) -> None:
    entries = _manifest(read, "true")
    model = entries["semantic_model.shop.revenue"]

    assert (model["model"], model["description"]) == ("ref('revenue')", "what came in")
    assert _depends_on(model) == ["model.shop.revenue"]
    entities = _named(model, "entities")
    assert list(entities) == ["id", "customer", "pair"]
    customer = entities["customer"]
    assert isinstance(customer, dict)
    assert (customer["type"], customer["expr"]) == ("foreign", "customer_id")
    dimensions = _named(model, "dimensions")
    assert list(dimensions) == ["day_of", "state", "is_big"]
    day = dimensions["day_of"]
    assert isinstance(day, dict)
    assert (day["expr"], day["label"]) == ("at", "Day")


def test_metrics_of_a_model_read_its_semantic_model_and_each_other(read: Read) -> None:
    entries = _manifest(read, "{name: income, config: {meta: {a: 1}}}")

    assert _depends_on(entries["metric.shop.total"]) == ["semantic_model.shop.income"]
    assert _depends_on(entries["metric.shop.share"]) == ["metric.shop.total"]
    assert _depends_on(entries["metric.shop.twice"]) == ["metric.shop.total"]
    parameters = entries["metric.shop.total"]["type_params"]
    assert isinstance(parameters, dict)
    aggregated = parameters["metric_aggregation_params"]
    assert isinstance(aggregated, dict)
    assert (aggregated["agg"], parameters["expr"]) == ("sum", "amount")


def test_a_model_that_says_no_is_none(read: Read) -> None:
    plain = REVENUE.split("metrics:", maxsplit=1)[0]
    for asked in ("false", "{enabled: false}"):
        result = read({**MODEL, "models/p.yml": plain % asked})

        kinds = {node.resource_type for node in project_of(result).nodes.values()}
        assert kinds == {"model"}
