"""What a query is told about names that lead nowhere."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.runs.world import build, opened

from headwater.base.errors import NotFound
from headwater.runs.context import Context
from headwater.runs.query import run_sql, table_of


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    yield from opened(tmp_path, build("orders", "select 1 as id"))


def test_a_table_that_was_taken_away_is_gone_and_not_suggested(context: Context) -> None:
    [record] = context.metastore.relations_called("orders")
    location = table_of(context, record.name).root
    shutil.rmtree(location)

    with pytest.raises(NotFound) as caught:
        run_sql(context, "select * from orders", rows_max=1)

    assert caught.value.code == "relation-not-found"
    assert f"`{record.name}` is gone" in caught.value.what
    assert str(location) in str(caught.value.why)
    assert "did you mean" not in str(caught.value.fix)


def test_a_name_nearly_right_is_suggested(context: Context) -> None:
    with pytest.raises(NotFound) as caught:
        run_sql(context, "select * from ordrs", rows_max=1)

    assert str(caught.value.fix).startswith("did you mean ")
