"""Rendered texts are known again, and never when anything that they show has changed."""

import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from headwater.cli.main import run

FILES = {
    "dbt_project.yml": "name: shop\nprofile: shop\nvars: {limit: 10}\n"
    "seeds: {shop: {+quote_columns: false}}\n",
    "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: headwater, schema: main}\n"
    "    prod: {type: headwater, schema: prod}\n",
    "seeds/lands.csv": "code\nde\n",
    "models/orders.sql": "select 1 as id, 'x' as state",
    "models/open.sql": "{{ config(materialized='ephemeral') }}select id from {{ ref('orders') }}",
    "models/few.sql": "select * from {{ ref('open') }} limit {{ var('limit') }}",
    "models/named.sql": "select {{ columns_of(ref('orders')) }} from {{ ref('orders') }}",
    "models/asked.sql": "select {{ count_of(ref('lands')) }} as lands, '{{ colour() }}' as colour",
    "models/whole.sql": "select {{ graph.nodes | length }} as n, '{{ model.description }}' as d",
    "models/grown.sql": "{{ config(materialized='incremental') }}select id, "
    "'{{ tools.said() }}' as said from {{ ref('orders') }}"
    "{% if is_incremental() %} where id > 1{% endif %} -- {{ flags.FULL_REFRESH }} {{ this }}",
    "models/schema.yml": "models:\n  - name: orders\n    columns:\n      - name: state\n"
    "        data_tests: [{accepted_values: {values: [x]}}]\n"
    "      - {name: id, data_tests: [unique, {relationships: {to: ref('few'), field: id}}]}\n",
    "macros/word.sql": "{% macro default__word() %}ours{% endmacro %}",
    "macros/all.sql": "{% macro columns_of(it) %}{{ adapter.get_columns_in_relation(it) "
    "| map(attribute='name') | join(', ') }}{% endmacro %}"
    "{% macro count_of(it) %}{{ run_query('select count(*) as n from ' ~ it).rows[0][0] }}"
    "{% endmacro %}{% macro colour() %}{{ env_var('SHOP_COLOUR', 'red') }}{% endmacro %}",
    "dbt_packages/tools/dbt_project.yml": "name: tools\n",
    "dbt_packages/tools/macros/said.sql": "{% macro said() %}{{ adapter.dispatch('word', 'tools')()"
    " }}{% endmacro %}{% macro default__word() %}word{% endmacro %}",
}


@dataclass(frozen=True, slots=True)
class Shop:
    """A project in a folder, and what it compiles to."""

    root: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def compiled(self, *arguments: str) -> dict[str, str]:
        self.capsys.readouterr()
        assert run(["compile", "--output", "json", *arguments]) == 0
        document = json.loads(self.capsys.readouterr().out)
        return {each["unique_id"]: each["compiled_code"] for each in document["results"]}

    def compiled_anew(self, *arguments: str) -> dict[str, str]:
        self.monkeypatch.setenv("HEADWATER_CACHE_DIR", "off")
        try:
            return self.compiled(*arguments)
        finally:
            self.monkeypatch.delenv("HEADWATER_CACHE_DIR")


@pytest.fixture
def shop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shop:
    root = tmp_path / "shop"
    made = Shop(root, capsys, monkeypatch)
    for name, text in FILES.items():
        made.write(name, text)
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in list(os.environ):
        if name.startswith(("DBT_", "HEADWATER_", "XDG_", "SHOP_")):
            monkeypatch.delenv(name)
    assert run(["seed"]) == run(["seed", "--target", "prod"]) == 0
    return made


def _more_lands(shop: Shop) -> None:
    shop.write("seeds/lands.csv", "code\nde\nfr\n")
    assert run(["seed"]) == 0


PROJECT, MACROS, SCHEMA = "dbt_project.yml", "macros/all.sql", "models/schema.yml"
EDITS: dict[str, Callable[[Shop], None]] = {
    "a model's text": lambda shop: shop.replace("models/few.sql", " limit", " -- few\nlimit"),
    "a macro": lambda shop: shop.replace(MACROS, "', '", "' , '"),
    "a package's macro": lambda shop: shop.replace(
        "dbt_packages/tools/macros/said.sql", "{{ adapter", "-- {{ adapter"
    ),
    "a dispatched macro": lambda shop: shop.replace("macros/word.sql", "ours", "own"),
    "the order of dispatch": lambda shop: shop.replace(
        PROJECT, "vars:", "dispatch: [{macro_namespace: tools, search_order: [tools]}]\nvars:"
    ),
    "a variable": lambda shop: shop.replace(PROJECT, "limit: 10", "limit: 20"),
    "an environment variable": lambda shop: shop.monkeypatch.setenv("SHOP_COLOUR", "blue"),
    "an input's alias": lambda shop: shop.replace(
        SCHEMA, "- name: orders\n", "- name: orders\n    config: {alias: all_orders}\n"
    ),
    "an input's own alias": lambda shop: shop.replace(
        "models/orders.sql", "select 1", "{{ config(alias='own_orders') }}select 1"
    ),
    "an input's columns": lambda shop: shop.replace("models/orders.sql", "'x'", "2 as n, 'x'"),
    "an ephemeral model": lambda shop: shop.replace("models/open.sql", "id", "id -- !\n"),
    "what was ephemeral": lambda shop: shop.replace("models/open.sql", "ephemeral", "view"),
    "rows of the lake": _more_lands,
    "an argument of a test": lambda shop: shop.replace(SCHEMA, "[x]", "[x, y]"),
    "a node more": lambda shop: shop.write("models/more.sql", "select 1 as a"),
    "a description": lambda shop: shop.replace(
        SCHEMA, "models:\n", "models:\n  - {name: whole, description: all of it}\n"
    ),
    "a schema": lambda shop: shop.replace(PROJECT, "vars:", "models: {shop: {+schema: x}}\nvars:"),
    "quoting": lambda shop: shop.replace(PROJECT, "seeds:", "quoting: {identifier: false}\nseeds:"),
    "a hook": lambda shop: shop.replace(
        "models/grown.sql", "'incremental'", "'incremental', pre_hook='select 1'"
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("edit", EDITS)
def test_texts_after_an_edit_are_those_of_a_first_compile(shop: Shop, edit: str) -> None:
    before = shop.compiled()

    EDITS[edit](shop)
    after = shop.compiled()

    assert after == shop.compiled_anew()
    assert after != before or edit == "a hook"


@pytest.mark.parametrize("arguments", [("--vars", "limit: 3"), ("--target", "prod"), ("-f",)])
def test_texts_of_another_command_are_its_own(shop: Shop, arguments: tuple[str, ...]) -> None:
    before = shop.compiled()

    after = shop.compiled(*arguments)

    assert after == shop.compiled_anew(*arguments)
    assert after != before


@pytest.mark.parametrize("text", ["invocation_id", "run_started_at", "range(99999) | random"])
def test_what_is_another_every_time_is_asked_every_time(shop: Shop, text: str) -> None:
    shop.write("models/passing.sql", f"select '{{{{ {text} }}}}' as value")

    first, second = (shop.compiled()["model.shop.passing"] for _ in range(2))

    assert first != second


def test_texts_are_known_again_without_a_template_being_rendered(shop: Shop) -> None:
    first = shop.compiled("--select", "few", "grown", "orders")

    shop.monkeypatch.setattr("headwater.graph.compile.render_node", _refuse_known)
    second = shop.compiled("--select", "few", "grown", "orders")

    assert second == first


def _refuse_known(*given: object) -> object:
    from headwater.project.context import render_node

    node = given[1]
    assert getattr(node, "name", "") in {"named", "asked", "whole"}
    return render_node(*given)  # type: ignore[arg-type] # passed on as given


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_random_edits_leave_no_stale_text(shop: Shop, seed: int) -> None:
    chosen = random.Random(seed).sample(sorted(EDITS), 6)  # noqa: S311 - nothing secret
    for edit in chosen:
        EDITS[edit](shop)

        assert shop.compiled() == shop.compiled_anew(), chosen
