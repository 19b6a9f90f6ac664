"""Entries of manifests that dbt's releases write in different forms, and that are the same."""

import pytest

from headwater.base.codec import Json
from headwater.graph.same import is_same


def _model(**config: Json) -> dict[str, Json]:
    return {"resource_type": "model", "fqn": ["shop", "m"], "unrendered_config": config}


@pytest.mark.parametrize(
    ("ours", "dbts"),
    [
        ({"check_cols": ["a"]}, {"check_cols": "a"}),
        ({"check_cols": ["a", "b"]}, {"check_cols": ["a", "b", "a", "b"]}),
        ({"pre-hook": ["select 1"]}, {"pre_hook": "select 1"}),
        ({"grants": {"select": ["x"]}}, {"grants": {"select": ["x", "x"]}}),
        ({}, {"enabled": True}),
        (
            {"materialized": "table"},
            {"materialized": "Keyword(key='materialized', value=Const(value='table'))"},
        ),
    ],
)
def test_a_config_is_the_same_in_every_form_of_dbt(
    ours: dict[str, Json], dbts: dict[str, Json]
) -> None:
    assert is_same(_model(**ours), _model(**dbts), by_unrendered=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"check_cols": ["a"]}, {"check_cols": ["a", "b"]}),
        ({"enabled": False}, {}),
        (
            {"materialized": "view"},
            {"materialized": "Keyword(key='materialized', value=Const(value='table'))"},
        ),
    ],
)
def test_another_config_is_none_in_any_form(one: dict[str, Json], other: dict[str, Json]) -> None:
    assert not is_same(_model(**one), _model(**other), by_unrendered=False)


def test_rows_of_a_unit_test_are_the_same_as_text_and_as_read() -> None:
    def test(rows: Json) -> dict[str, Json]:
        given: list[Json] = [{"input": "ref('m')", "format": "csv", "rows": rows}]
        return {"resource_type": "unit_test", "model": "m", "given": given}

    text, read = test("a,b\n1,2\n"), test([{"a": "1", "b": "2"}])

    assert is_same(text, read, by_unrendered=False)
    assert not is_same(text, test([{"a": "1", "b": "3"}]), by_unrendered=False)


def test_a_description_that_is_not_set_is_the_same_as_an_empty_one() -> None:
    one: dict[str, Json] = {"resource_type": "semantic_model", "description": ""}

    assert is_same(one, {**one, "description": None}, by_unrendered=False)
