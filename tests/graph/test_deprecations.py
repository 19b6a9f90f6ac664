"""``deprecation_date``: who is told of it, and when."""

from datetime import UTC, datetime

from tests.graph.builders import by_id, model

from headwater.graph.deprecations import find_deprecations
from headwater.graph.resolve import resolve
from headwater.project.node import Ref

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def told(date: str) -> list[str]:
    nodes = by_id(
        model("old", version="1", declared={"deprecation_date": date, "latest_version": 2}),
        model("old", version="2", declared={"latest_version": 2}),
        model("reader", Ref(name="old", version="1")),
        model("modern", "old"),
    )
    found = find_deprecations(nodes, resolve("shop", nodes).depends_on, NOW)
    return [line for item in found for line in (f"{item.name}: {item.what}", item.fix)]


def test_a_date_that_has_passed_is_told_to_owner_and_reader() -> None:
    assert told("2026-05-31") == [
        "model-deprecated: `old.v1` is past its deprecation date",
        "remove the model, or give it a later `deprecation_date`",
        "model-deprecated: `reader` reads `old.v1`, which was deprecated on 2026-05-31",
        "read `ref('old', v=2)`, or ask its owner what replaces it",
    ]


def test_a_date_to_come_is_told_to_the_reader_alone() -> None:
    assert told("2026-06-01 12:00:00+02:00") == [
        "model-deprecated: `reader` reads `old.v1`, which will be deprecated on 2026-06-01",
        "read `ref('old', v=2)`, or ask its owner what replaces it",
    ]
