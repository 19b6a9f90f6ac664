"""Profiles of other warehouses: what templates see of them, and what is never shown."""

import pytest
from tests.warehouses.projects import OUTPUTS, ask, profile_of, target_of


@pytest.mark.parametrize("warehouse", OUTPUTS)
def test_output_of_every_warehouse_is_a_target_without_credentials(warehouse: str) -> None:
    target = target_of(warehouse)

    assert (target.type, target.schema) == (warehouse, "sch")
    assert target.catalog
    assert target.jinja["type"] == warehouse
    assert "hush" not in str(target.jinja)


def test_target_has_the_warehouses_own_words() -> None:
    bigquery, snowflake = target_of("bigquery").jinja, target_of("snowflake").jinja

    assert [bigquery[key] for key in ("project", "dataset", "database", "schema")] == [
        "db", "sch", "db", "sch",
    ]  # fmt: skip
    assert [snowflake[key] for key in ("account", "warehouse", "role")] == ["acc", "wh", None]
    assert target_of("postgres").jinja["dbname"] == "db"
    assert target_of("trino").jinja["catalog"] == "db"


def test_catalog_that_a_profile_may_leave_out() -> None:
    assert target_of("spark").catalog == "spark_catalog"
    text = profile_of("databricks").replace("catalog: db, ", "")
    found = ask(text).target
    assert found is not None
    assert found.catalog == "hive_metastore"


def test_output_without_its_catalog_or_schema_is_refused() -> None:
    for missing in ("project: db, ", ", dataset: sch"):
        found = ask(profile_of("bigquery").replace(missing, ""))
        assert [each.name for each in found.diagnostics] == ["profile-setting"]


def test_engine_of_on_must_be_known() -> None:
    found = ask(profile_of("snowflake"), on="spark")

    assert [each.name for each in found.diagnostics] == ["engine-unknown"]


def test_on_changes_nothing_for_the_engines_own_profiles() -> None:
    found = ask("shop: {outputs: {default: {type: duckdb}}}", on="duckdb")

    assert found.target is not None
    assert (found.target.is_translated, found.target.is_run) == (False, True)
    assert target_of("snowflake", on="duckdb").is_run
    assert not target_of("snowflake").is_run
