"""A hostile package among the project's: what it cannot take over, what the plan shows of it."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

EVIL = {
    "dbt_packages/evil/dbt_project.yml": """\
name: evil
version: "1.2"
config-version: 2
on-run-start: ["select 'started by evil'"]
on-run-end: ["select 'ended by evil'"]
dispatch:
  - macro_namespace: dbt
    search_order: [evil, dbt]
models:
  +schema: stolen
  evil:
    +pre-hook: "select 'before a model of evil'"
  shop:
    +pre-hook: "select 'before a model of shop'"
    +alias: stolen
vars:
  shop: {colour: stolen}
""",
    "dbt_packages/evil/macros/all.sql": """\
{% macro generate_schema_name(name, node) %}stolen{% endmacro %}
{% macro generate_alias_name(name, node) %}{{ node.name }}{% endmacro %}
{% macro ref(name) %}stolen_{{ name }}{% endmacro %}
{% macro source(a, b) %}stolen{% endmacro %}
{% macro env_var(name) %}stolen{% endmacro %}
{% macro default__dateadd(part, interval, day) %}stolen{% endmacro %}
{% macro duckdb__dateadd(part, interval, day) %}stolen{% endmacro %}
{% macro test_unique(model) %}select 'stolen'{% endmacro %}
{% macro ours(x) %}stolen{% endmacro %}
{% materialization table, adapter='duckdb' %}{{ return({'relations': []}) }}{% endmaterialization %}
""",
    "dbt_packages/evil/models/revenue_of_evil.sql": "select 1 as id\n",
    "dbt_packages/evil/models/schema.yml": """\
version: 2
models:
  - name: revenue
    description: stolen
    config: {enabled: false, alias: stolen}
""",
}
READER = """\
{% macro ours(x) %}our {{ x }}{% endmacro %}
"""
MODEL = """\
select '{{ ours(1) }}' as ours, {{ dateadd('day', 1, "'2026-01-01'") }} as day,
  {{ dbt.dateadd('day', 1, "'2026-01-01'") }} as other, '{{ var("colour", "red") }}' as colour
from {{ ref('raw_orders') }}
"""


@pytest.fixture
def shop(project: Path) -> Path:
    write_files(project, {"macros/ours.sql": READER, "models/reader.sql": MODEL})
    return project


def compiled(hw: Hw, project: Path) -> dict[str, str]:
    ended = hw("compile", "--output", "json")
    assert ended.code == 0, ended.out
    folder = project / "target" / "compiled" / "shop"
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.sql"))}


def test_a_package_changes_nothing_of_the_project(hw: Hw, shop: Path) -> None:
    alone = compiled(hw, shop)

    write_files(shop, EVIL)

    assert compiled(hw, shop) == alone


def test_a_package_listed_in_dispatch_stands_in_and_the_plan_says_so(hw: Hw, shop: Path) -> None:
    write_files(shop, EVIL)
    settings = shop / "dbt_project.yml"
    listed = "dispatch:\n  - macro_namespace: dbt\n    search_order: [evil, dbt]\n"
    settings.write_text(settings.read_text(encoding="utf-8") + listed, encoding="utf-8")
    (shop / "models" / "reader.sql").write_text(
        'select \'{{ dbt.dateadd("day", 1, "x") }}\' as day', encoding="utf-8"
    )

    (package,) = hw("plan", "--output", "json").document["packages"]
    text = hw("plan").out

    everywhere = [each["replaces"] for each in package["overrides"] if each["reach"] == "project"]
    assert everywhere == ["dbt.dateadd", "dbt.dateadd"]
    assert "`dbt.dateadd` everywhere, as `dispatch` lists it" in " ".join(text.split())
    assert "stolen" in compiled(hw, shop)["reader.sql"]


def test_the_plan_names_hooks_overrides_and_materializations(hw: Hw, shop: Path) -> None:
    write_files(shop, EVIL)

    (package,) = hw("plan", "--output", "json").document["packages"]

    assert (package["name"], package["version"], package["state"]) == ("evil", "1.2", "new")
    assert [(hook["kind"], hook["sql"]) for hook in package["hooks"]] == [
        ("on-run-start", "select 'started by evil'"),
        ("on-run-end", "select 'ended by evil'"),
        ("pre-hook", "select 'before a model of evil'"),
    ]
    assert package["materializations"] == ["materialization_table_duckdb"]
    replaced = {each["replaces"]: each["reach"] for each in package["overrides"]}
    assert replaced["dbt.generate_schema_name"] == "package"
    assert replaced["ref"] == replaced["env_var"] == "package"
    assert "project" not in replaced.values()


def test_the_plan_shows_a_package_in_words(hw: Hw, shop: Path) -> None:
    write_files(shop, EVIL)

    text = " ".join(hw("plan").out.split())

    assert "+ package evil 1.2: new" in text
    assert "`dbt.generate_schema_name`" in text
    assert "in its own models" in text
    assert "brings `materialization_table_duckdb`" in text
    assert "on-run-start: select 'started by evil'" in text
    assert "pre-hook: select 'before a model of evil'" in text


def test_the_plan_says_whether_a_package_changed_since_the_last_run(hw: Hw, shop: Path) -> None:
    write_files(shop, EVIL)

    def state() -> str:
        (package,) = hw("plan", "--output", "json").document["packages"]
        return str(package["state"])

    states = [state()]
    assert hw("build").code == 0
    states.append(state())
    macro = shop / "dbt_packages" / "evil" / "macros" / "more.sql"
    macro.write_text("{% macro more() %}{% endmacro %}", encoding="utf-8")
    states.append(state())
    assert hw("build", "--force").code == 0
    states.append(state())

    assert states == ["new", "same", "changed", "same"]


def test_sql_hidden_at_the_end_of_a_long_hook_is_announced(hw: Hw, shop: Path) -> None:
    write_files(shop, EVIL)
    settings = shop / "dbt_packages" / "evil" / "dbt_project.yml"
    long = "select 'started by evil'" + " " * 9 + "-- " + "x" * 900
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("select 'started by evil'", long),
        encoding="utf-8",
    )

    text = " ".join(hw("plan").out.split())

    assert "more characters: hw plan --output json)" in text


@pytest.mark.parametrize("name", ["dbt", "dbt_duckdb"])
def test_a_package_with_the_name_of_our_macros_is_refused(name: str, hw: Hw, shop: Path) -> None:
    write_files(
        shop,
        {
            "dbt_packages/x/dbt_project.yml": f"name: {name}\nversion: '1'\n",
            "dbt_packages/x/macros/m.sql": "{% macro dateadd(a, b, c) %}stolen{% endmacro %}",
        },
    )

    ended = hw("compile", "--output", "json")

    assert (ended.code, ended.codes) == (2, ["HW1201"])
    assert "dbt_packages/x/dbt_project.yml" in ended.out


def test_two_packages_of_one_name_are_refused(hw: Hw, shop: Path) -> None:
    write_files(
        shop,
        {
            "dbt_packages/x/dbt_project.yml": "name: shop\nversion: '1'\n",
            "dbt_packages/x/macros/m.sql": "{% macro ours(x) %}stolen{% endmacro %}",
        },
    )

    assert hw("compile", "--output", "json").code == 2
