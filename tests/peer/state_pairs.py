"""Pairs of a project before and after one change, and what dbt's ``state:`` selects in each.

    python tests/peer/state_pairs.py

writes dbt's answers into tests/cases/state; HEADWATER_PEER_DBT names the program. The answers are
frozen, so that the suite needs no dbt.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

CASES = Path(__file__).parents[1] / "cases" / "state"
Files = Mapping[str, str | None]

VALUES = (
    "new", "old", "modified", "unmodified", "modified.body", "modified.configs",
    "modified.persisted_descriptions", "modified.relation", "modified.macros", "modified.contract",
)  # fmt: skip

PROFILES = """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: shop.duckdb, schema: "{{ env_var('SHOP_SCHEMA', 'main') }}"}
"""

BASE: Mapping[str, str] = {
    "profiles.yml": PROFILES,
    "dbt_project.yml": """
name: shop
version: '1.0'
profile: shop
models:
  shop:
    marts: {+materialized: table, +schema: "{{ env_var('SHOP_MARTS', 'marts') }}"}
seeds:
  shop: {+quote_columns: false}
""",
    "seeds/raw_orders.csv": "id,amount,at\n1,10,2026-01-01\n2,20,2026-01-02\n",
    "macros/money.sql": """
{% macro outer_money(column) %}{{ inner_money(column) }}{% endmacro %}
{% macro inner_money(column) %}({{ column }} / 100){% endmacro %}
{% macro unused(column) %}{{ column }}{% endmacro %}
{% macro dispatched(column) %}{{ return(adapter.dispatch('dispatched', 'shop')(column)) }}\
{% endmacro %}
{% macro default__dispatched(column) %}{{ column }}{% endmacro %}
{% test is_positive(model, column_name) %}
select * from {{ model }} where {{ column_name }} <= 0
{% endtest %}
""",
    "models/staging/stg_orders.sql": """
select id, {{ outer_money('amount') }} as amount, at from {{ ref('raw_orders') }}
""",
    "models/staging/stg_plain.sql": """
{{ config(materialized='view') }}
select id, {{ dispatched('amount') }} as amount from {{ source('raw', 'payments') }}
""",
    "models/marts/orders.sql": """
select id, amount, at from {{ ref('stg_orders') }}
""",
    "models/marts/promised.sql": """
{{ config(contract={'enforced': true}) }}
select id, amount from {{ ref('stg_orders') }}
""",
    "models/staging/_staging.yml": """
version: 2
sources:
  - name: raw
    schema: raw
    tables: [{name: payments}]
models:
  - name: stg_orders
    description: Orders, one row each.
    columns:
      - {name: id, tests: [unique, not_null]}
      - {name: amount, tests: [is_positive]}
""",
    "models/marts/_marts.yml": """
version: 2
models:
  - name: orders
    description: Orders for people.
    config: {persist_docs: {relation: true, columns: true}}
    columns: [{name: id, description: Key.}]
  - name: promised
    columns:
      - {name: id, data_type: integer}
      - {name: amount, data_type: double}
exposures:
  - name: dashboard
    type: dashboard
    owner: {name: Ann, email: ann@example.org}
    depends_on: [ref('orders')]
""",
    "snapshots/orders_snapshot.sql": """
{% snapshot orders_snapshot %}
{{ config(unique_key='id', strategy='check', check_cols='all', target_schema='snapshots') }}
select * from {{ ref('stg_orders') }}
{% endsnapshot %}
""",
    "tests/no_zero.sql": "select * from {{ ref('orders') }} where amount = 0\n",
}


def _edit(path: str, before: str, after: str) -> Files:
    assert before in BASE[path], (path, before)
    return {path: BASE[path].replace(before, after, 1)}


def _move(path: str, to: str) -> Files:
    return {path: None, to: BASE[path]}


CHANGES: Mapping[str, Files] = {
    "nothing": {},
    "whitespace_of_sql": _edit("models/marts/orders.sql", "select id", "select   id"),
    "blank_lines_around_sql": {"models/marts/orders.sql": "\n\n" + BASE["models/marts/orders.sql"]},
    "comment_in_sql": _edit("models/marts/orders.sql", "select id", "-- all\nselect id"),
    "sql": _edit("models/marts/orders.sql", "amount,", "amount + 1 as amount,"),
    "config_in_file": _edit("models/staging/stg_plain.sql", "view", "table"),
    "config_of_folder": _edit("dbt_project.yml", "+materialized: table", "+materialized: view"),
    "tag_in_file": _edit("models/staging/stg_plain.sql", "'view'", "'view', tags=['nightly']"),
    "alias_in_file": _edit("models/staging/stg_plain.sql", "'view'", "'view', alias='plain'"),
    "schema_in_file": _edit("models/staging/stg_plain.sql", "'view'", "'view', schema='other'"),
    "meta_in_properties": _edit(
        "models/marts/_marts.yml", "config: {persist", "config: {meta: {a: 1}, persist"
    ),
    "macro_two_levels_down": _edit("macros/money.sql", "/ 100", "/ 100.0"),
    "macro_dispatched": _edit(
        "macros/money.sql",
        "default__dispatched(column) %}{{ column }}",
        "default__dispatched(column) %}{{ column }} + 0",
    ),
    "macro_unused": _edit(
        "macros/money.sql", "unused(column) %}{{ column }}", "unused(column) %}{{ column }} + 0"
    ),
    "test_macro": _edit("macros/money.sql", "<= 0", "< 0"),
    "seed_row": {"seeds/raw_orders.csv": BASE["seeds/raw_orders.csv"] + "3,30,2026-01-03\n"},
    "description_not_persisted": _edit("models/staging/_staging.yml", "one row each", "each once"),
    "description_persisted": _edit("models/marts/_marts.yml", "for people", "for everybody"),
    "column_description_persisted": _edit("models/marts/_marts.yml", "Key.", "The key."),
    "contract_column_added": {
        **_edit("models/marts/promised.sql", "id, amount", "id, amount, 1 as extra"),
        **_edit(
            "models/marts/_marts.yml",
            "- {name: amount, data_type: double}",
            "- {name: amount, data_type: double}\n      - {name: extra, data_type: integer}",
        ),
    },
    "contract_column_gone": _edit(
        "models/marts/_marts.yml", "      - {name: amount, data_type: double}\n", ""
    ),
    "contract_type": _edit("models/marts/_marts.yml", "double", "float"),
    "contract_ended": _edit("models/marts/promised.sql", "true", "false"),
    "test_added": _edit("models/staging/_staging.yml", "[is_positive]", "[is_positive, not_null]"),
    "test_severity": _edit(
        "models/staging/_staging.yml", "[is_positive]", "[is_positive: {config: {severity: warn}}]"
    ),
    "singular_test": _edit("tests/no_zero.sql", "= 0", "= 1"),
    "source_schema": _edit("models/staging/_staging.yml", "schema: raw", "schema: landing"),
    "source_description": _edit(
        "models/staging/_staging.yml", "{name: payments}", "{name: payments, description: Paid.}"
    ),
    "source_freshness": _edit(
        "models/staging/_staging.yml",
        "{name: payments}",
        "{name: payments, loaded_at_field: at, freshness: {warn_after: {count: 1, period: day}}}",
    ),
    "exposure_owner": _edit("models/marts/_marts.yml", "Ann,", "Bob,"),
    "exposure_input": _edit("models/marts/_marts.yml", "[ref('orders')]", "[ref('promised')]"),
    "snapshot_sql": _edit("snapshots/orders_snapshot.sql", "select *", "select id, amount"),
    "snapshot_config": _edit("snapshots/orders_snapshot.sql", "'all'", "['amount']"),
    "rename": _move("models/staging/stg_plain.sql", "models/staging/stg_renamed.sql"),
    "move": _move("models/staging/stg_plain.sql", "models/marts/stg_plain.sql"),
    "delete": {"models/staging/stg_plain.sql": None},
    "disabled": _edit("models/staging/stg_plain.sql", "'view'", "'view', enabled=false"),
    "new_model": {"models/marts/extra.sql": "select 1 as one\n"},
    "model_broken_down": _edit("models/marts/_marts.yml", "relation: true", "relation: false"),
}
"""Changes by name: files to write over the base project, or to remove."""

ENVIRONMENTS: Mapping[str, Mapping[str, str]] = {
    "environment_schema": {"SHOP_SCHEMA": "production"},
    "environment_folder_schema": {"SHOP_MARTS": "production_marts"},
}
"""Environments that only one of the two has; the files are the same."""


def write_project(folder: Path, change: Files = BASE) -> Path:
    """Write the base project with a change."""
    for path, text in {**BASE, **change}.items():
        if text is not None:
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return folder


def collect(ask: Callable[[Path, Path, str, Mapping[str, str]], list[str]], state: Path) -> dict[
    str, dict[str, list[str]]
]:  # fmt: skip
    """Ask a program what every value of ``state:`` selects after every change.

    Args:
        ask: Gives the selection in a project, with the folder of the earlier manifest, the value
            and environment variables.
        state: Folder of the manifest of the base project.
    """
    answers = {}
    for name in (*CHANGES, *ENVIRONMENTS):
        with tempfile.TemporaryDirectory() as folder:
            project = write_project(Path(folder), CHANGES.get(name, {}))
            variables = ENVIRONMENTS.get(name, {})
            answers[name] = {value: ask(project, state, value, variables) for value in VALUES}
    return answers


def _ask_dbt() -> Callable[[Path, Path, str, Mapping[str, str]], list[str]]:
    from dbt.cli.main import dbtRunner

    def ask(project: Path, state: Path, value: str, variables: Mapping[str, str]) -> list[str]:
        os.environ.update(variables)
        try:
            ended = dbtRunner().invoke([
                "--quiet", "ls", "--select", f"state:{value}", "--state", str(state),
                "--project-dir", str(project), "--profiles-dir", str(project),
            ])  # fmt: skip
        finally:
            for key in variables:
                del os.environ[key]
        return sorted(ended.result or []) if ended.success else ["error"]

    return ask


def freeze() -> None:
    """Write dbt's answers, and the parts of its manifest that are compared with."""
    CASES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        project = write_project(Path(folder))
        program = os.environ.get("HEADWATER_PEER_DBT", "dbt")
        subprocess.run(
            [program, "parse", "--profiles-dir", "."], cwd=project, check=True, capture_output=True
        )
        manifest = json.loads((project / "target" / "manifest.json").read_text(encoding="utf-8"))
        answers = collect(_ask_dbt(), project / "target")
    manifest["macros"] = {
        key: {"macro_sql": macro["macro_sql"]}
        for key, macro in manifest["macros"].items()
        if macro["package_name"] == "shop"
    }
    for unused in ("docs", "parent_map", "child_map", "group_map"):
        del manifest[unused]
    manifest["metadata"] = {"dbt_schema_version": manifest["metadata"]["dbt_schema_version"]}
    _write("manifest.json", manifest)
    _write("selected.json", answers)


def _write(name: str, document: object) -> None:
    text = json.dumps(document, indent=1, sort_keys=True)
    (CASES / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    freeze()
