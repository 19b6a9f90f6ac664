"""Model versions: which file, name, columns and tests each version has."""

from tests.project.conftest import Read, found, node_of, project_of

from headwater.base.ids import NodeId
from headwater.project.node import Ref

ORDERS = """\
models:
  - name: orders
    description: all orders
    latest_version: 2
    config: {materialized: table, meta: {owner: me, of: [a]}}
    constraints: [{type: not_null, columns: [id]}]
    data_tests: [{unique: {column_name: id}}]
    columns:
      - {name: id, data_tests: [not_null]}
      - {name: state, description: of the order}
    versions:
      - v: 1
        config: {materialized: view, meta: {of: [b]}}
      - v: 2
        description: newer orders
        columns: [{include: all, exclude: [state]}, {name: paid, description: yes or no}]
      - v: 3.5
        defined_in: orders_next
        data_tests: []
        columns: [{include: [id]}]
"""
FILES = {
    "models/shop/orders_v1.sql": "select 1 as id, 'a' as state",
    "models/shop/orders.sql": "select 1 as id, true as paid",
    "models/shop/orders_next.sql": "select 1 as id",
    "models/shop/schema.yml": ORDERS,
}


def test_each_version_is_a_node_with_the_name_of_the_model(read: Read) -> None:
    project = project_of(read(FILES))

    models = [node for node in project.nodes.values() if node.resource_type == "model"]

    assert [(node.unique_id, node.name, node.search_name) for node in models] == [
        ("model.shop.orders.v1", "orders", "orders.v1"),
        ("model.shop.orders.v2", "orders", "orders.v2"),
        ("model.shop.orders.v3.5", "orders", "orders.v3.5"),
    ]
    assert [node.fqn for node in models] == [
        ("shop", "shop", "orders", "v1"),
        ("shop", "shop", "orders", "v2"),
        ("shop", "shop", "orders", "v3.5"),
    ]
    assert [str(node.relation) for node in models] == [
        "shop.main.orders_v1",
        "shop.main.orders_v2",
        "shop.main.orders_v3_5",
    ]
    assert [node.declared["latest_version"] for node in models] == [2, 2, 2]


def test_a_version_takes_what_the_model_says_and_changes_it(read: Read) -> None:
    result = read(FILES)

    first = node_of(result, "model.shop.orders.v1")
    second = node_of(result, "model.shop.orders.v2")

    assert (first.description, second.description) == ("all orders", "newer orders")
    assert (first.materialized, second.materialized) == ("view", "table")
    assert first.meta == {"owner": "me", "of": ["b"]}
    assert list(first.columns) == ["id", "state"]
    assert list(second.columns) == ["id", "paid"]
    assert list(node_of(result, "model.shop.orders.v3.5").columns) == ["id"]


def test_every_version_has_the_tests_of_its_columns(read: Read) -> None:
    project = project_of(read(FILES))

    tests = {
        node.name: (node.test.attached_node, node.refs)
        for node in project.nodes.values()
        if node.test
    }

    assert tests == {
        "not_null_orders_v1_id": ("model.shop.orders.v1", (Ref(name="orders", version=1),)),
        "not_null_orders_v2_id": ("model.shop.orders.v2", (Ref(name="orders", version=2),)),
        "not_null_orders_v3.5_id": ("model.shop.orders.v3.5", (Ref(name="orders", version=3.5),)),
        "unique_orders_v1_id": ("model.shop.orders.v1", (Ref(name="orders", version=1),)),
        "unique_orders_v2_id": ("model.shop.orders.v2", (Ref(name="orders", version=2),)),
    }


def test_names_of_tests_hash_as_in_dbt(read: Read) -> None:
    project = project_of(read(FILES))

    assert NodeId("test.shop.not_null_orders_v2_id.468337f0ff") in project.nodes


def test_unit_tests_are_one_a_version(read: Read) -> None:
    unit = "unit_tests:\n  - {name: u, model: orders, given: [], expect: {rows: []}%s}\n"

    def versions(rule: str) -> list[object]:
        project = project_of(read({**FILES, "models/unit.yml": unit % rule}))
        nodes = [node for node in project.nodes.values() if node.resource_type == "unit_test"]
        return [(node.unique_id, node.name, node.declared["version"]) for node in nodes]

    every = [(f"unit_test.shop.orders.u_v{v}", "u", v) for v in (1, 2, 3.5)]
    assert versions("") == every
    assert versions(", versions: {include: [2]}") == every[1:2]
    assert versions(", versions: {exclude: [2]}") == [every[0], every[2]]


def test_a_unit_test_must_ask_for_versions_that_there_are(read: Read) -> None:
    unit = "unit_tests:\n  - {name: u, model: %s, given: [], expect: {rows: []}, versions: %s}\n"
    plain = {**FILES, "models/plain.sql": "select 1 as id"}

    def faults(model: str, rule: str) -> list[tuple[str, str]]:
        return found(read({**plain, "models/unit.yml": unit % (model, rule)}))

    assert faults("orders", "{include: [1], exclude: [2]}")[0][0] == "properties-shape"
    assert faults("orders", "{include: [7]}")[0][0] == "properties-shape"
    assert faults("plain", "{include: [1]}")[0][0] == "properties-shape"


def test_versions_and_a_model_without_may_not_share_a_name(read: Read) -> None:
    files = {**FILES, "models/shop/orders_v2.sql": "select 2 as id"}

    assert [name for name, _ in found(read(files))] == ["duplicate-name"]


def test_the_newest_version_is_the_latest_when_none_is_named(read: Read) -> None:
    files = {
        **FILES,
        "models/shop/orders_v10.sql": "select 1 as id",
        "models/shop/orders_v9.sql": "select 1 as id",
        "models/shop/schema.yml": "models:\n  - name: orders\n    versions: [{v: 9}, {v: 10}]\n",
    }

    assert node_of(read(files), "model.shop.orders.v9").declared["latest_version"] == 10


def test_a_model_may_be_turned_off_in_one_version(read: Read) -> None:
    off = ORDERS.replace("- v: 1\n        config: {", "- v: 1\n        config: {enabled: false, ")
    project = project_of(read({**FILES, "models/shop/schema.yml": off}))

    assert NodeId("model.shop.orders.v1") in project.disabled
    assert NodeId("model.shop.orders.v2") in project.nodes


def test_python_models_have_versions_too(read: Read) -> None:
    files = {
        "models/m_v1.py": "def model(dbt, session):\n    return dbt.ref('n', v=2)\n",
        "models/p.yml": "models:\n  - name: m\n    versions: [{v: 1}]\n",
    }

    node = node_of(read(files), "model.shop.m.v1")

    assert (node.name, node.refs) == ("m", (Ref(name="n", version=2),))


POINTED = """\
models:
  - name: orders
    config: {tags: [core], latest_version_pointer: %s}
    versions: [{v: 1}, {v: 2}]
"""


def _pointers(read: Read, asked: str, **files: str) -> list[tuple[str, str, tuple[str, ...]]]:
    texts = {"models/orders_v1.sql": "select 1 as id", "models/orders_v2.sql": "select 2 as id"}
    project = project_of(read({**texts, "models/p.yml": POINTED % asked, **files}))
    return [
        (str(node.unique_id), str(node.relation), node.tags)
        for node in project.nodes.values()
        if node.name != "orders"
    ]


def test_a_pointer_is_a_view_with_the_name_of_the_model(read: Read) -> None:
    pointer = "model.shop.orders.v2__latest_version_pointer"

    assert _pointers(read, "{enabled: true}") == [(pointer, "shop.main.orders", ("core",))]
    assert _pointers(read, "true") == [(pointer, "shop.main.orders", ("core",))]
    assert _pointers(read, "{enabled: true, alias: now}")[0][1] == "shop.main.now"
    assert _pointers(read, "{enabled: false}") == []
    assert _pointers(read, "{}") == []


def test_a_flag_of_the_project_asks_for_pointers(read: Read) -> None:
    flag = "name: shop\nflags: {latest_version_pointer_enabled_by_default: true}\n"

    assert len(_pointers(read, "{}", **{"dbt_project.yml": flag})) == 1
    assert _pointers(read, "false", **{"dbt_project.yml": flag}) == []


def test_a_project_names_its_pointers_by_a_macro(read: Read) -> None:
    macro = (
        "{% macro generate_latest_version_pointer_alias(custom, node) %}"
        "{{ node.name }}_{{ custom or 'latest' }}{% endmacro %}"
    )

    pointers = _pointers(read, "true", **{"macros/names.sql": macro})

    assert pointers[0][1] == "shop.main.orders_latest"
