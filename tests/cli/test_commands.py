"""The contract of the command line: documents against their schemas, names, exit codes."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it ships no types
import pytest
from tests.cli.conftest import Ended, Hw, write_files

from headwater.cli.main import COMMANDS

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def check_schema(document: Any) -> None:
    name = document["schema"].removeprefix("headwater.").partition("/")[0]
    jsonschema.validate(document, json.loads((SCHEMAS / f"{name}.json").read_text()))


def rows(ended: Ended) -> list[list[object]]:
    assert ended.code == 0, ended.err
    check_schema(ended.document)
    return list(ended.document["rows"])


def test_project_builds_with_no_profile_and_next_plan_is_empty(hw: Hw) -> None:
    built = hw("build", "--output", "json")
    planned = hw("plan", "--output", "json")

    assert built.code == 0, built.err
    check_schema(built.document)
    statuses = {result["node"]: result["status"] for result in built.document["results"]}
    assert statuses["model.shop.revenue"] == "success"
    assert {status for node, status in statuses.items() if node.startswith("test.")} == {"pass"}
    check_schema(planned.document)
    assert planned.code == 0
    assert {step["action"] for step in planned.document["steps"]} == {"skip"}


def test_first_plan_adds_everything_and_writes_nothing(hw: Hw, project: Path) -> None:
    planned = hw("plan", "--output", "json")

    actions = {step["node"]: step["action"] for step in planned.document["steps"]}
    assert planned.code == 0, planned.err
    assert actions["seed.shop.raw_orders"] == "add"
    assert actions["model.shop.revenue"] == "add"
    assert not (project / ".headwater" / "lake").exists()
    for step in planned.document["steps"]:
        for estimate in step["cost"].values():
            assert set(estimate) >= {"value", "low", "high", "grade"}


def test_tables_are_delta_tables_under_catalog_schema_name(hw: Hw, project: Path) -> None:
    hw("build")

    assert (project / ".headwater/lake/shop/main/revenue/_delta_log").is_dir()
    assert not (project / ".headwater/lake/shop/main/stg_orders").exists()


@pytest.mark.parametrize("name", ["revenue", "main.revenue", "shop.main.revenue", '"revenue"'])
def test_query_finds_a_table_by_each_form_of_its_name(hw: Hw, name: str) -> None:
    hw("build")

    actual = rows(hw("sql", f"select * from {name} order by 1", "--output", "json"))

    assert actual == [["ada", "13.00", 2], ["grace", "4.00", 1]]


def test_query_reads_views_and_their_types(hw: Hw) -> None:
    hw("build")

    ended = hw("sql", "select amount from stg_orders where order_id = 1", "--output", "json")

    assert ended.document["columns"] == [{"name": "amount", "type": "DECIMAL(12,2)"}]
    assert rows(ended) == [["10.50"]]


@pytest.mark.parametrize("form", ["revenue@v0", "revenue VERSION AS OF 0", "main.revenue@v0"])
def test_query_reads_an_older_version(hw: Hw, project: Path, form: str) -> None:
    hw("build")
    write_files(project, {"seeds/raw_orders.csv": "order_id,customer,amount\n9,alan,1.0\n"})
    hw("build")

    now = rows(hw("sql", "select customer from revenue", "--output", "json"))
    then = rows(hw("sql", f"select customer from {form} order by 1", "--output", "json"))

    assert now == [["alan"]]
    assert then == [["ada"], ["grace"]]


def test_model_reads_an_older_version_of_another_by_ref(hw: Hw, project: Path) -> None:
    hw("build")
    write_files(
        project,
        {
            "seeds/raw_orders.csv": "order_id,customer,amount\n9,alan,1.0\n",
            "models/earlier.sql": "select customer from {{ ref('revenue').at(0) }}",
            "models/behind.sql": "{{ config(materialized='view') }} "
            "select * from {{ ref('revenue').at(0) }}",
        },
    )
    ended = hw("build")

    assert ended.code == 0, ended.err
    for table in ("earlier", "behind"):
        names = rows(hw("sql", f"select customer from {table} order by 1", "--output", "json"))
        assert names == [["ada"], ["grace"]]
    edges = hw("lineage", "earlier.customer", "--direct", "--output", "json").document["edges"]
    assert "model.shop.revenue" in {edge["from"]["node"] for edge in edges}
    assert {s["action"] for s in hw("plan", "--output", "json").document["steps"]} == {"skip"}


def test_query_reads_any_delta_table_by_path(hw: Hw, project: Path) -> None:
    hw("build")
    path = project / ".headwater/lake/shop/main/revenue"

    assert rows(hw("sql", f"select count(*) from delta.`{path}`", "--output", "json")) == [[2]]


def test_changed_seed_rebuilds_what_reads_it_and_nothing_else(hw: Hw, project: Path) -> None:
    write_files(project, {"models/other.sql": "select 1 as one"})
    hw("build")
    write_files(project, {"seeds/raw_orders.csv": "order_id,customer,amount\n9,alan,1.0\n"})

    planned = hw("plan", "--output", "json").document

    actions = {step["node"]: step["action"] for step in planned["steps"]}
    assert actions["seed.shop.raw_orders"] == "rebuild"
    assert actions["model.shop.revenue"] == "rebuild"
    assert actions["model.shop.other"] == "skip"


def test_layout_and_comments_change_nothing(hw: Hw, project: Path) -> None:
    hw("build")
    text = (project / "models/revenue.sql").read_text()
    shouted = "-- what each customer brought\n" + text.replace("select", "SELECT\n   ")
    write_files(project, {"models/revenue.sql": shouted})

    planned = hw("plan", "--output", "json").document

    assert {step["action"] for step in planned["steps"]} == {"skip"}


def test_dropped_column_breaks_the_exposure_and_blocks(hw: Hw, project: Path) -> None:
    write_files(project, {"models/top.sql": "select customer, revenue from {{ ref('revenue') }}"})
    hw("build")
    text = "select customer, count(*) as orders from {{ ref('stg_orders') }} group by customer"
    write_files(project, {"models/revenue.sql": text})

    planned = hw("plan", "--output", "json")

    check_schema(planned.document)
    broken = {i["node"] for i in planned.document["impact"] if i["effect"] == "breaks"}
    assert "model.shop.top" in broken
    assert planned.code in {2, 3}


def test_saved_plan_is_applied_exactly(hw: Hw, project: Path) -> None:
    hw("plan", "-o", "plan.json")

    applied = hw("apply", "plan.json", "--output", "json")

    assert applied.code == 0, applied.err
    assert rows(hw("sql", "select count(*) from revenue", "--output", "json")) == [[2]]


def test_saved_plan_is_refused_when_an_input_has_moved(hw: Hw, project: Path) -> None:
    hw("plan", "-o", "plan.json")
    hw("build")

    applied = hw("apply", "plan.json", "--output", "json")

    assert applied.code == 4
    assert "plan again" in applied.err


def test_saved_plan_is_refused_when_the_project_has_changed(hw: Hw, project: Path) -> None:
    hw("plan", "-o", "plan.json")
    write_files(project, {"models/revenue.sql": "select 1 as customer"})

    assert hw("apply", "plan.json").code == 4


def test_lineage_lists_every_edge_in_both_kinds(hw: Hw) -> None:
    edges = hw("lineage", "--output", "json").document["edges"]

    ends = {
        (e["from"]["node"], e["from"]["column"], e["to"]["node"], e["to"]["column"], e["kind"])
        for e in edges
    }
    stage, mart = "model.shop.stg_orders", "model.shop.revenue"
    assert (stage, "amount", mart, "revenue", "direct") in ends
    assert (stage, "customer", mart, "*", "row") in ends


def test_lineage_of_one_column_has_what_decides_its_rows(hw: Hw) -> None:
    edges = hw("lineage", "revenue.revenue", "--output", "json").document["edges"]

    ends = {(e["from"]["column"], e["to"]["node"], e["to"]["column"], e["kind"]) for e in edges}
    assert ("customer", "model.shop.revenue", "*", "row") in ends


@pytest.mark.parametrize(
    ("name", "words"), [("revenu", "revenue"), ("revenue.nope", "customer"), ("zzz", "hw ls")]
)
def test_lineage_of_nothing_says_what_there_is(hw: Hw, name: str, words: str) -> None:
    ended = hw("lineage", name)

    assert ended.code == 2
    assert words in ended.err


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select 1; select 2",
        "drop table revenue",
        "insert into revenue values (1)",
        "create table x as select 1",
        "copy (select 1) to 'out.csv'",
        "attach 'other.db'",
    ],
)
def test_query_only_reads(hw: Hw, project: Path, text: str) -> None:
    hw("build")

    assert hw("sql", text or ";").code in {1, 2}
    assert not (project / "out.csv").exists()
    assert rows(hw("sql", "select count(*) from revenue", "--output", "json")) == [[2]]


def test_workspace_folder_is_not_for_git(hw: Hw, project: Path) -> None:
    hw("build")

    assert (project / ".headwater" / ".gitignore").read_text() == "*\n"


def test_lineage_of_one_column_leaves_out_the_others(hw: Hw) -> None:
    edges = hw("lineage", "revenue.revenue", "--direct", "--output", "json").document["edges"]

    assert {e["from"]["column"] for e in edges} == {"amount"}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("name", ["revenue", "stg_orders"]),
        ("path", ["models/revenue.sql", "models/stg_orders.sql"]),
        ("selector", ["shop.revenue", "shop.stg_orders"]),
    ],
    ids=["name", "path", "selector"],
)
def test_ls_writes_dbts_forms(hw: Hw, output: str, expected: list[str]) -> None:
    listed = hw("ls", "--resource-type", "model", "--output", output)

    assert sorted(listed.out.split()) == expected


def test_ls_writes_json_lines_with_dbts_keys(hw: Hw) -> None:
    listed = hw("ls", "-s", "revenue", "--resource-type", "model", "--output", "json")

    row = json.loads(listed.out)
    assert row["unique_id"] == "model.shop.revenue"
    assert row["depends_on"]["nodes"] == ["model.shop.stg_orders"]


def test_named_selector_is_read_from_selectors_yml(hw: Hw, project: Path) -> None:
    text = "selectors:\n  - name: mine\n    definition: {method: fqn, value: revenue}\n"
    write_files(project, {"selectors.yml": text})

    listed = hw("ls", "--selector", "mine", "--resource-type", "model", "--output", "name")
    refused = hw("ls", "--selector", "yours")

    assert listed.out.split() == ["revenue"]
    assert refused.code == 2
    assert "mine" in refused.err


def test_artifacts_are_dbts(hw: Hw, project: Path) -> None:
    hw("build")
    hw("docs", "generate")

    manifest = json.loads((project / "target/manifest.json").read_text())
    results = json.loads((project / "target/run_results.json").read_text())
    catalog = json.loads((project / "target/catalog.json").read_text())
    assert manifest["metadata"]["dbt_schema_version"].endswith("manifest/v12.json")
    assert results["metadata"]["dbt_schema_version"].endswith("run-results/v6.json")
    assert catalog["metadata"]["dbt_schema_version"].endswith("catalog/v1.json")
    assert "model.shop.revenue" in catalog["nodes"]
    compiled = project / "target/compiled/shop/models/revenue.sql"
    assert "group by customer" in compiled.read_text()
    assert (project / "target/run/shop/models/revenue.sql").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("parse",),
        ("compile",),
        ("plan",),
        ("table", "list"),
        ("table", "describe", "revenue"),
        ("table", "history", "revenue"),
        ("config", "show"),
        ("debug",),
        ("clean", "--dry-run"),
        ("docs", "generate"),
        ("lineage",),
        ("deps",),
        ("explain", "HW1203"),
        ("explain", "--list"),
        ("show", "-s", "revenue"),
        ("test",),
        ("run",),
        ("seed",),
    ],
    ids=" ".join,
)
def test_every_command_writes_one_document_that_keeps_its_schema(
    hw: Hw, arguments: tuple[str, ...]
) -> None:
    hw("build")

    ended = hw(*arguments, "--output", "json")

    assert ended.code == 0, ended.err
    check_schema(ended.document)


def test_every_schema_is_printed(hw: Hw) -> None:
    for name in hw("schema").out.split():
        assert hw("schema", name).document["title"] == f"headwater.{name}/1"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(hw: Hw, name: str) -> None:
    assert hw(name, "--help").code == 0


def test_starter_project_builds(hw: Hw, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hw("init", "fresh").code == 0
    monkeypatch.chdir(project / "fresh")

    assert hw("build").code == 0
    assert hw("init", str(project / "fresh")).code == 2


def test_two_workspaces_live_in_one_process(
    hw: Hw, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hw("init", "fresh")
    hw("build")
    monkeypatch.chdir(project / "fresh")
    hw("build")

    assert hw("sql", "select count(*) from revenue", "--output", "json").code != 0
    monkeypatch.chdir(project)
    assert rows(hw("sql", "select count(*) from revenue", "--output", "json")) == [[2]]


def test_unit_tests_run_and_a_failing_one_keeps_the_table_from_being_published(
    hw: Hw, project: Path
) -> None:
    unit_test = """\
unit_tests:
  - name: revenue_is_summed
    model: revenue
    given:
      - input: ref('stg_orders')
        rows: [{customer: ada, amount: 1}, {customer: ada, amount: 2}]
    expect: {rows: [{customer: ada, revenue: EXPECTED, orders: 2}]}
"""
    file = project / "models/unit.yml"
    file.write_text(unit_test.replace("EXPECTED", "4"), encoding="utf-8")
    failed = hw("build", "--output", "json")
    file.write_text(unit_test.replace("EXPECTED", "3"), encoding="utf-8")
    mended = hw("build", "--output", "json")

    assert failed.code == 1
    statuses = {result["node"]: result["status"] for result in failed.document["results"]}
    assert statuses["unit_test.shop.revenue.revenue_is_summed"] == "fail"
    assert statuses["model.shop.revenue"] != "success"
    assert mended.code == 0, mended.err
    statuses = {result["node"]: result["status"] for result in mended.document["results"]}
    assert statuses["unit_test.shop.revenue.revenue_is_summed"] == "pass"
    assert statuses["model.shop.revenue"] == "success"


def test_one_workspace_asks_anew_for_every_compilation(project: Path) -> None:
    from headwater import Workspace

    write_files(
        project,
        {"models/counted.sql": "select {{ run_query('select count(*) from raw.t').rows[0][0] }} n"},
    )
    with Workspace.open(project) as workspace:
        workspace.load("shop.raw.t", "select 1 as a")
        first = workspace.plan().plan
        workspace.load("shop.raw.t", "select 2 as a")
        second = workspace.plan().plan

    codes = [
        next(step.sql for step in plan.steps if step.name == "counted" and step.kind == "build")
        for plan in (first, second)
    ]
    assert codes == ["select 1 n", "select 2 n"]


def test_findings_of_reading_count_in_the_plan_and_a_faulty_project_cannot_be_applied(
    project: Path,
) -> None:
    from headwater import HeadwaterError, Workspace

    with Workspace.open(project) as workspace:
        clean = workspace.plan().plan.totals
    write_files(project, {"models/orphan.yml": "models: [{name: not_there, columns: []}]\n"})
    with Workspace.open(project) as workspace:
        warned = workspace.plan().plan.totals
    write_files(project, {"models/faulty.sql": "select * from {{ ref('nowhere') }}"})
    with Workspace.open(project) as workspace:
        faulty = workspace.plan()
        with pytest.raises(HeadwaterError) as raised:
            workspace.apply(faulty)

    assert (clean.warnings, warned.warnings) == (0, 1)
    assert faulty.plan.totals.errors == 1
    assert raised.value.code == "plan-missing"


def test_a_model_that_asks_for_its_own_unbuilt_seed_does_not_keep_the_seed_from_loading(
    hw: Hw, project: Path
) -> None:
    (project / "models/asking.sql").write_text(
        "{% set found = run_query('select max(amount) from ' ~ ref('raw_orders')) %}"
        "select {{ found.columns[0].values()[0] }} as largest",
        encoding="utf-8",
    )
    refused = hw("build", "--output", "json")
    seeded = hw("seed", "--output", "json")
    built = hw("build", "--output", "json")

    assert refused.code == 2
    assert seeded.code == 0, seeded.err
    assert [result["node"] for result in seeded.document["results"]] == ["seed.shop.raw_orders"]
    assert built.code == 0, built.err
    assert rows(hw("sql", "select * from asking", "--output", "json")) == [["10.5"]]


def test_unknown_materializations_are_refused_and_enforced_contracts_warned_of(
    hw: Hw, project: Path
) -> None:
    kept = "{{ config(materialized='external', location='o.parquet') }} select 1 as one"
    (project / "models/kept.sql").write_text(kept, encoding="utf-8")
    refused = hw("build", "--output", "json")
    (project / "models/kept.sql").write_text(
        "{{ config(materialized='table', grants={'select': ['ada']}) }} select 1 as one",
        encoding="utf-8",
    )
    planned = hw("plan", "--output", "json")

    assert refused.code == 3
    assert "materialization-unknown" in refused.out
    assert planned.code == 0, planned.err
    assert [(found["code"], found["severity"]) for found in planned.document["diagnostics"]] == [
        ("HW3009", "warning")
    ]


def test_selection_takes_several_words_as_dbts_does(hw: Hw) -> None:
    listed = hw("ls", "-s", "revenue", "stg_orders", "--exclude", "stg_orders", "--output", "name",
                "--resource-type", "model")  # fmt: skip

    assert listed.out.split() == ["revenue"]


def test_grants_that_have_no_effect_are_told(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "models/granted.sql": "{{ config(grants={'select': ['ada']}) }} select 1 as a",
        },
    )

    codes = {d["name"] for d in hw("plan", "--output", "json").document["diagnostics"]}

    assert codes >= {"grants-not-applied"}


def test_lineage_shows_the_ways_between_two_columns(hw: Hw) -> None:
    shown = hw("lineage", "raw_orders.amount", "--to", "revenue.revenue")
    back = hw("lineage", "revenue.revenue", "--from", "raw_orders.amount", "--output", "json")
    none = hw("lineage", "raw_orders.order_id", "--to", "revenue.revenue", "--direct")

    assert [line.split() for line in shown.out.splitlines()] == [
        ["raw_orders.amount", "seeds/raw_orders.csv:1"],
        ["->", "stg_orders.amount", "transformation", "models/stg_orders.sql:1"],
        ["->", "revenue.revenue", "aggregation", "models/revenue.sql:1"],
    ]
    check_schema(back.document)
    assert len(back.document["paths"]) == 1
    assert none.out == "no way from raw_orders.order_id to revenue.revenue\n"


def test_lineage_needs_two_ends_for_a_way(hw: Hw) -> None:
    for given in (["--to", "revenue"], ["revenue", "--to", "a", "--from", "b"]):
        assert hw("lineage", *given, "--output", "json").codes == ["HW1902"]
