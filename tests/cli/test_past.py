"""``result:`` and ``source_status:``: selecting by what earlier commands have left."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Ended, Hw, write_files

SOURCES = """\
version: 2
sources:
  - name: events
    tables: [{name: clicks}, {name: views}, {name: sales}, {name: lost}]
"""


def lines(ended: Ended) -> set[str]:
    assert ended.code == 0, ended.err
    return set(ended.out.split())


@pytest.fixture
def left(hw: Hw, project: Path) -> Path:
    """Results of an earlier run: one error, one skipped, one test failed."""
    ends = {
        "seed.shop.raw_orders": "success",
        "model.shop.stg_orders": "error",
        "model.shop.revenue": "skipped",
        "model.shop.gone": "error",
    }
    results = [{"unique_id": key, "status": status} for key, status in ends.items()]
    write_files(project, {"past/run_results.json": json.dumps({"results": results})})
    return project / "past"


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ("result:error", {"shop.stg_orders"}),
        ("result:skipped", {"shop.revenue"}),
        ("result:error result:success", {"shop.stg_orders", "shop.raw_orders"}),
        ("1+result:error,resource_type:seed", {"shop.raw_orders"}),
    ],
)
def test_nodes_are_selected_by_how_they_ended(
    hw: Hw, left: Path, selector: str, wanted: set[str]
) -> None:
    given = ("-s", selector, "--indirect-selection", "empty", "--state", str(left))

    assert lines(hw("ls", *given)) == wanted


def test_a_status_that_nothing_has_selects_nothing(hw: Hw, left: Path) -> None:
    ended = hw("ls", "-s", "result:fail", "--state", str(left))

    assert (ended.code, ended.out) == (0, "")
    assert "matches nothing" in ended.err


def test_without_a_folder_the_own_results_count(hw: Hw, project: Path) -> None:
    model = "select cast('x' || order_id as int) as n from {{ ref('raw_orders') }}"
    write_files(project, {"models/sums.sql": model})
    assert hw("build").code == 1

    assert lines(hw("ls", "-s", "result:error")) == {"shop.sums"}


def test_sources_with_newer_rows_are_fresher(hw: Hw, project: Path) -> None:
    def ages(**times: str | None) -> str:
        results = [
            {"unique_id": f"source.shop.events.{name}", "status": "runtime error"}
            | ({"status": "pass", "max_loaded_at": time} if time else {})
            for name, time in times.items()
        ]
        return json.dumps({"results": results})

    old, new = "2026-11-20T00:00:00+00:00", "2026-11-20T02:00:00+01:00"
    write_files(
        project,
        {
            "models/sources.yml": SOURCES,
            "models/per_click.sql": "select * from {{ source('events', 'clicks') }}",
            "past/sources.json": ages(clicks=old, views=new, lost=old),
            "target/sources.json": ages(clicks=new, views=new, sales=old, lost=None),
        },
    )

    sources = lines(hw("ls", "-s", "source_status:fresher", "--state", "past"))
    readers = lines(hw("ls", "-s", "source_status:fresher+", "--state", "past"))

    assert sources == {"source:shop.events.clicks", "source:shop.events.sales"}
    assert readers - sources == {"shop.per_click"}


@pytest.mark.parametrize(
    "given",
    [
        ("result:error",),
        ("result:error", "--state", "nowhere"),
        ("source_status:fresher",),
        ("source_status:fresher", "--state", "nowhere"),
    ],
)
def test_a_selector_without_its_past_is_refused(hw: Hw, given: tuple[str, ...]) -> None:
    ended = hw("ls", "-s", *given)

    assert ended.code == 2
    assert "HW2213" in ended.err


@pytest.mark.parametrize("text", ["", "[]", '{"results": [3]}', '{"results": null}'])
def test_garbled_results_are_no_past(hw: Hw, project: Path, text: str) -> None:
    write_files(project, {"past/run_results.json": text})

    assert "HW2213" in hw("ls", "-s", "result:error", "--state", "past").err


def test_a_source_status_that_there_is_not_is_refused(hw: Hw, project: Path) -> None:
    assert "HW2210" in hw("ls", "-s", "source_status:staler", "--state", "past").err
