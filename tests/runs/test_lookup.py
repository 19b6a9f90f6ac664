"""What compiling asks of the engine is answered alike, however much was asked before."""

from pathlib import Path

import pytest
from tests.runs.world import close_context, open_context

from headwater.base.relations import Column, TableName
from headwater.runs import lookup as lookups
from headwater.runs.lookup import EngineLookup

NAMES = [TableName("shop", "main", f"t{number}") for number in range(6)]
ID = (Column("id", "INTEGER"),)


def test_queries_are_described_though_earlier_relations_were_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "BOUND_MAX", 3)
    context = open_context(tmp_path)
    lookup = EngineLookup(context)
    asked = [(first, second) for first in NAMES for second in NAMES if first != second]

    found = [
        lookup.describe_or_none(
            f"select a.id, b.id as other from {first.quoted()} a, {second.quoted()} b",
            {first: ID, second: ID},
        )
        for first, second in asked
    ]
    lookup.close()
    close_context(context)

    assert found == [(*ID, Column("other", "INTEGER"))] * len(asked)
