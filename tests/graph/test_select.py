"""dbt's selection grammar, checked against what dbt-core 1.11.16 answers."""

import pytest
from tests.graph.builders import generic_test, graph_of, model, source, source_ref

from headwater.base.codec import Json
from headwater.base.errors import Invalid, NotFound
from headwater.graph.choose import Selection, choose, with_default
from headwater.graph.graph import Graph
from headwater.graph.select import Selected, parse_selectors, select, select_expression
from headwater.project.node import Ref

EVERYTHING_BUT_DIM = (
    "board customers orders orders rel_customers report stg_customers stg_orders unique_orders"
)


@pytest.fixture
def graph() -> Graph:
    return graph_of(
        source("raw", "orders"),
        model("stg_orders", folder="staging/", sources=(source_ref("raw", "orders"),)),
        model("stg_customers", folder="staging/", tags=("daily",)),
        model(
            "orders",
            "stg_orders",
            folder="marts/",
            tags=("nightly", "daily"),
            config={"materialized": "incremental", "meta": {"owner": "ops"}},
        ),
        model(
            "customers",
            "orders",
            "stg_customers",
            folder="marts/",
            config={"materialized": "table"},
        ),
        model("report", "customers", patch_path="shop://models/report.yml"),
        model("dim", folder="marts/", version=1),
        model("dim", folder="marts/", version=2),
        model("lib_model", package="lib"),
        generic_test("unique_orders", "unique", "orders", config={"severity": "WARN"}),
        generic_test("rel_customers", "relationships", "customers", "stg_orders"),
        model("board", "report", resource_type="exposure", relation=None),
    )


def names(graph: Graph, *include: str, exclude: tuple[str, ...] = (), **options: object) -> str:
    return named(graph, select(graph, include, exclude, **options))  # type: ignore[arg-type]


def named(graph: Graph, found: Selected) -> str:
    return " ".join(sorted(graph.nodes[key].node.name for key in found.nodes))


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("stg_customers", "stg_customers"),
        ("shop.staging.stg_customers", "stg_customers"),
        ("staging.*", "rel_customers stg_customers stg_orders"),
        ("staging", "rel_customers stg_customers stg_orders"),
        ("shop.staging", "rel_customers stg_customers stg_orders"),
        ("stg_c*", "stg_customers"),
        ("tag:nightly", "orders unique_orders"),
        ("tag:d*", "orders stg_customers unique_orders"),
        ("tag:daily,tag:nightly", "orders unique_orders"),
        ("stg_customers lib_model", "lib_model stg_customers"),
        ("path:models/staging", "rel_customers stg_customers stg_orders"),
        ("path:models/**/stg_c*.sql", "stg_customers"),
        ("models/staging/stg_customers.sql", "stg_customers"),
        ("path:models/report.yml", "report"),
        ("stg_customers.sql", "stg_customers"),
        ("source:raw", "orders"),
        ("source:raw.orders", "orders"),
        ("source:shop.raw.*", "orders"),
        ("source:other", ""),
        ("package:lib", "lib_model"),
        ("package:this,stg_c*", "stg_customers"),
        ("resource_type:source", "orders"),
        ("config.materialized:incremental", "orders unique_orders"),
        ("config.meta.owner:ops", "orders unique_orders"),
        ("config.severity:warn", "unique_orders"),
        ("test_type:generic", "rel_customers unique_orders"),
        ("test_type:singular", ""),
        ("test_name:uni*", "unique_orders"),
        ("exposure:board", "board"),
        (
            "+exposure:board",
            EVERYTHING_BUT_DIM,
        ),
        ("orders+", "board customers orders rel_customers report unique_orders"),
        ("orders+1", "customers orders rel_customers unique_orders"),
        ("1+customers", "customers orders rel_customers stg_customers unique_orders"),
        ("+stg_orders", "orders rel_customers stg_orders"),
        ("1+orders+1", "customers orders rel_customers stg_orders unique_orders"),
        (
            "@stg_customers",
            EVERYTHING_BUT_DIM,
        ),
        ("dim", "dim dim"),
        ("dim.v1", "dim"),
        ("dim_v2", "dim"),
        ("version:latest", "dim"),
        ("version:old", "dim"),
        ("fqn:report", "report"),
    ],
)
def test_selector(graph: Graph, selector: str, expected: str) -> None:
    assert names(graph, selector) == expected


def test_nothing_named_is_everything(graph: Graph) -> None:
    assert select(graph).nodes == frozenset(graph.nodes)


def test_exclusion_takes_tests_of_the_excluded_along(graph: Graph) -> None:
    assert names(graph, "orders+", exclude=("customers",)) == "board orders report unique_orders"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("eager", "customers rel_customers"),
        ("cautious", "customers"),
        ("buildable", "customers rel_customers"),
        ("empty", "customers"),
    ],
)
def test_indirect_selection(graph: Graph, mode: str, expected: str) -> None:
    assert names(graph, "customers", indirect=mode) == expected


def test_cautious_takes_a_test_whose_inputs_come_from_different_terms(graph: Graph) -> None:
    assert names(graph, "customers stg_orders", indirect="cautious") == (
        "customers rel_customers stg_orders"
    )


def test_resource_types_filter_at_the_end(graph: Graph) -> None:
    asked = Selection(include=("orders+",), resource_types=("test",))

    found = choose(graph, asked, {})

    assert named(graph, found) == "rel_customers unique_orders"


def test_selector_that_matches_nothing_is_a_warning(graph: Graph) -> None:
    found = select(graph, ["stg_order", "report"])

    assert len(found.nodes) == 1
    assert [(item.name, item.severity) for item in found.diagnostics] == [
        ("selector-empty", "warning")
    ]
    assert "`stg_order`" in found.diagnostics[0].what


@pytest.mark.parametrize(
    ("selector", "code"),
    [
        ("@orders+", "selector-invalid"),
        ("nonsense:x", "selector-invalid"),
        ("source:a.b.c.d", "selector-invalid"),
        ("test_type:strange", "selector-invalid"),
        ("resource_type:strange", "selector-invalid"),
        ("exposure:a.b.c", "selector-invalid"),
        ("version:newest", "selector-invalid"),
        ("+", "selector-invalid"),
        ("state:modified+", "selector-no-past"),
        ("result:error", "selector-no-past"),
    ],
)
def test_unreadable_selector_is_refused(graph: Graph, selector: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        select(graph, [selector])

    assert caught.value.code == code


def test_selectors_file(graph: Graph) -> None:
    document: dict[str, Json] = {
        "selectors": [
            {"name": "nightly", "definition": "tag:nightly"},
            {
                "name": "most",
                "definition": {
                    "union": [
                        {"method": "selector", "value": "nightly"},
                        {"method": "fqn", "value": "stg_orders", "children": True},
                        {"tag": "daily"},
                        {"exclude": ["report+", {"method": "test_name", "value": "*"}]},
                    ]
                },
            },
        ]
    }

    found = select_expression(graph, parse_selectors(document)["most"])

    assert sorted(graph.nodes[key].node.name for key in found.nodes) == [
        "customers",
        "orders",
        "stg_customers",
        "stg_orders",
    ]


def test_versioned_reference_selects_through_edges() -> None:
    graph = graph_of(
        model("dim", version=1), model("dim", version=2), model("r", Ref(name="dim", version="1"))
    )

    assert select(graph, ["+r"]).nodes == {"model.shop.dim.v1", "model.shop.r"}


NAMED: dict[str, Json] = {
    "selectors": [
        {"name": "daily", "definition": "tag:daily"},
        {"name": "later", "definition": {"union": ["selector:daily", "report"]}},
        {
            "name": "untested",
            "definition": {"union": ["customers", {"exclude": ["resource_type:test"]}]},
        },
        {"name": "a", "definition": {"method": "selector", "value": "b"}},
        {"name": "b", "definition": "selector:a"},
    ]
}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("selector:daily", "orders stg_customers unique_orders"),
        ("selector:daily,orders", "orders unique_orders"),
        ("selector:later", "orders report stg_customers unique_orders"),
        ("selector:[ul]*,report", "report"),
        ("selector:untested", "customers"),
        ("selector:untested+1", "customers rel_customers report"),
    ],
)
def test_selections_may_name_selectors_of_selectors_yml(
    graph: Graph, selector: str, expected: str
) -> None:
    assert names(graph, selector, named=NAMED) == expected


def test_a_selector_that_leads_back_to_itself_is_refused_with_its_way(graph: Graph) -> None:
    with pytest.raises(Invalid) as refused:
        select(graph, ("selector:a",), named=NAMED)

    assert refused.value.code == "selector-invalid"
    assert refused.value.why == "it leads back to itself: a -> b -> a"


def test_a_selector_that_is_not_there_is_refused(graph: Graph) -> None:
    with pytest.raises(NotFound) as refused:
        select(graph, ("selector:dayly",), named=NAMED)

    assert refused.value.code == "selector-not-found"


def test_a_command_that_names_nothing_is_about_the_default_selector() -> None:
    document: dict[str, Json] = {
        "selectors": [
            {"name": "daily", "definition": "tag:daily", "default": True},
            {"name": "later", "definition": "report", "default": False},
        ]
    }

    assert with_default(Selection(), document).selector == "daily"
    assert with_default(Selection(exclude=("a",)), document).selector is None
    assert with_default(Selection(selector="later"), document).selector == "later"


def test_two_default_selectors_are_refused() -> None:
    document: dict[str, Json] = {
        "selectors": [{"name": name, "default": True} for name in ("a", "b")]
    }

    with pytest.raises(Invalid, match="several defaults: a, b"):
        with_default(Selection(), document)


def test_select_beside_a_selector_is_told_to_do_nothing(graph: Graph) -> None:
    asked = Selection(include=("report",), selector="daily", indirect="empty")

    found = choose(graph, asked, NAMED)

    assert named(graph, found) == "orders stg_customers"
    assert [(each.name, each.severity) for each in found.diagnostics] == [
        ("selection-ignored", "warning")
    ]
