"""Writes a dbt project of any number of models, for the benchmarks of compiling and building.

The mix follows what real projects look like: a fifth staging over sources, two fifths
intermediate, three tenths marts, a tenth reports; three in ten are incremental; five macros of the
project's own; some two and a half tests, docs and exposures. Which model reads which is a
function of its number, so a size always gives the same project.
"""

import argparse
from pathlib import Path

import duckdb

INCREMENTAL_OF_TEN = 3
SOURCE_TABLES_OF_TEN_STAGING = 5
MODELS_PER_FILE = 40
ROWS_PER_TABLE = 200
CUSTOMERS = 25
MODELS_PER_EXPOSURE = 50

MACROS = """{% macro cents_to_units(column) -%}
    round({{ column }} / 100.0, 2)
{%- endmacro %}

{% macro clean_text(column) -%}
    nullif(trim(lower({{ column }})), '')
{%- endmacro %}

{% macro surrogate_key(columns) -%}
    md5({% for column in columns %}coalesce(cast({{ column }} as varchar), '-')
    {%- if not loop.last %} || '|' || {% endif %}{% endfor %})
{%- endmacro %}

{% macro only_new(column) -%}
    {%- if is_incremental() %}
    where {{ column }} >= (select max({{ column }}) - interval 3 day from {{ this }})
    {%- endif %}
{%- endmacro %}

{% macro limited_to(column, values) -%}
    {{ column }} in ({% for value in values %}'{{ value }}'{% if not loop.last %}, {% endif %}
    {%- endfor %})
{%- endmacro %}
"""


def write_project(folder: Path, models: int) -> None:
    """Write the project into ``folder``, which must not exist yet."""
    for part in ("models/staging", "models/intermediate", "models/marts", "models/reports"):
        (folder / part).mkdir(parents=True)
    (folder / "macros").mkdir()
    (folder / "macros" / "columns.sql").write_text(MACROS, encoding="utf-8")
    (folder / "dbt_project.yml").write_text(
        "name: bench\nversion: '1.0'\nconfig-version: 2\nprofile: bench\n"
        "vars: {tenant: north}\nflags: {require_generic_test_arguments_property: true}\n"
        "models:\n  bench:\n    +materialized: table\n"
        "    staging: {+materialized: view}\n    marts: {+tags: [mart]}\n",
        encoding="utf-8",
    )
    layers = _layers(models)
    _write_sources(folder, len(layers["staging"]))
    earlier: list[str] = []
    for layer, names in layers.items():
        for number, name in enumerate(names):
            text = _model(layer, number, earlier)
            (folder / "models" / layer / f"{name}.sql").write_text(text, encoding="utf-8")
        _write_properties(folder / "models" / layer, layer, names, earlier)
        earlier = names
    _write_exposures(folder, layers["reports"])


def _layers(models: int) -> dict[str, list[str]]:
    shares = {"staging": 0.2, "intermediate": 0.4, "marts": 0.3, "reports": 0.1}
    short = {"staging": "stg", "intermediate": "int", "marts": "mart", "reports": "report"}
    return {
        layer: [f"{short[layer]}_{number:04d}" for number in range(round(models * share))]
        for layer, share in shares.items()
    }


def _model(layer: str, number: int, earlier: list[str]) -> str:
    if layer == "staging":
        table = number * SOURCE_TABLES_OF_TEN_STAGING // 10
        return (
            "select\n    id,\n    customer_id,\n"
            "    {{ clean_text('status') }} as status,\n"
            "    {{ cents_to_units('amount_cents') }} as amount,\n    updated_at\n"
            f"from {{{{ source('raw', 'events_{table:04d}') }}}}\n"
            "where {{ limited_to('kind', ['a', 'b', var('tenant')]) }}\n"
        )
    first, second = (earlier[(number * step + step) % len(earlier)] for step in (1, 7))
    is_incremental = number % 10 < INCREMENTAL_OF_TEN
    config = "{{ config(materialized='incremental', unique_key='id') }}\n\n"
    head = config if is_incremental else ""
    only_new = "{{ only_new('updated_at') }}" if is_incremental else ""
    return (
        f"{head}with base as (\n    select * from {{{{ ref('{first}') }}}}\n    {only_new}\n),\n\n"
        f"other as (\n    select customer_id, sum(amount) as amount_other, count(*) as n\n"
        f"    from {{{{ ref('{second}') }}}}\n    group by customer_id\n)\n\n"
        "select\n"
        f"    {{{{ surrogate_key(['base.id', 'base.status', \"'{number}'\"]) }}}} as row_key,\n"
        "    base.id,\n    base.customer_id,\n    base.status,\n"
        "    base.amount + coalesce(other.amount_other, 0) as amount,\n"
        "    case when other.n > 10 then 'many' else 'few' end as frequency,\n"
        "    base.updated_at\n"
        "from base\nleft join other on base.customer_id = other.customer_id\n"
    )


def _write_sources(folder: Path, staging: int) -> None:
    tables = sorted({number * SOURCE_TABLES_OF_TEN_STAGING // 10 for number in range(staging)})
    lines = ["version: 2", "sources:", "  - name: raw", "    tables:"]
    (folder / "raw").mkdir()
    for table in tables:
        name = f"events_{table:04d}"
        lines += [f"      - name: {name}", "        description: Events as they came."]
        lines += [f"        config: {{meta: {{external_location: raw/{name}.parquet}}}}"]
        _write_events(folder / "raw" / f"{name}.parquet", table)
    (folder / "models" / "sources.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_events(path: Path, table: int) -> None:
    duckdb.sql(f"""
        COPY (
            SELECT i AS id, i % {CUSTOMERS} AS customer_id, 'Open ' || i % 3 AS status,
                (i * 37 + {table} * 11) % 10000 AS amount_cents,
                CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END AS kind,
                TIMESTAMP '2026-01-01' + to_hours(i) AS updated_at
            FROM range({ROWS_PER_TABLE}) AS rows(i)
        ) TO '{path}'
    """)


def _write_properties(folder: Path, layer: str, names: list[str], earlier: list[str]) -> None:
    for start in range(0, len(names), MODELS_PER_FILE):
        lines = ["version: 2", "models:"]
        for number, name in enumerate(names[start : start + MODELS_PER_FILE], start=start):
            lines += [
                f"  - name: {name}",
                f"    description: Model {number} of {layer}.",
                "    columns:",
                "      - name: id",
                "        description: The event.",
                "        data_tests: [unique, not_null]",
            ]
            if number % 2:
                lines += _relationship(number, earlier)
        path = folder / f"_{layer}_{start:04d}.yml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _relationship(number: int, earlier: list[str]) -> list[str]:
    if not earlier:
        return ["      - name: amount", "        data_tests: [not_null]"]
    parent = earlier[(number + 1) % len(earlier)]
    return [
        "      - name: customer_id",
        "        data_tests:",
        "          - relationships:",
        "              arguments:",
        f"                to: ref('{parent}')",
        "                field: customer_id",
    ]


def _write_exposures(folder: Path, reports: list[str]) -> None:
    if not reports:
        return
    lines = ["version: 2", "exposures:"]
    for number, name in enumerate(reports[:: max(1, MODELS_PER_EXPOSURE // 10)]):
        lines += [
            f"  - name: dashboard_{number:03d}",
            "    type: dashboard",
            "    owner: {name: Analytics}",
            f"    depends_on: [ref('{name}')]",
        ]
    (folder / "models" / "exposures.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Write a project where the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, default=1000)
    arguments = parser.parse_args()
    write_project(arguments.folder, arguments.models)


if __name__ == "__main__":
    main()
