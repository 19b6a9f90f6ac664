"""``hw cost``, ``hw price`` and ``hw calibrate``, as a user calls them."""

import csv
import io
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files
from tests.cli.test_commands import check_schema

PRICED = {"headwater.yml": "prices: {cpu_hour: 3600, name: a dollar a second}\n"}
TAGGED = """\
{{ config(tags=['nightly', 'money'], meta={'owner': 'ada'}) }}
select customer, sum(amount) as revenue, count(*) as orders from {{ ref('stg_orders') }}
group by customer
"""


def lines_of(hw: Hw, *arguments: str) -> dict[str, dict[str, float]]:
    ended = hw("cost", *arguments, "--output", "json")
    assert ended.code == 0, ended.err
    check_schema(ended.document)
    return {line["key"]: line for line in ended.document["lines"]}


def test_what_a_build_used_is_shown_node_by_node_and_adds_up(hw: Hw, project: Path) -> None:
    write_files(project, PRICED)
    assert hw("build").code == 0

    report = hw("cost", "--output", "json").document
    lines = lines_of(hw)

    assert {"raw_orders", "stg_orders", "revenue", "(overhead)"} <= set(lines)
    assert lines["revenue"]["bytes_written"] > 0
    assert report["runs"] == 1
    total = report["total"]
    assert sum(line["cpu_seconds"] for line in report["lines"]) == pytest.approx(
        total["cpu_seconds"]
    )
    assert total["money"] == pytest.approx(total["cpu_seconds"])  # a dollar a second
    assert sum(line["share"] for line in report["lines"]) == pytest.approx(1)


def test_the_rest_of_a_run_is_overhead(hw: Hw) -> None:
    assert hw("build").code == 0
    assert hw("build").code == 0  # nothing to do: planning alone

    by_kind = lines_of(hw, "--by", "kind")

    assert by_kind["overhead"]["cpu_seconds"] > 0
    runs = lines_of(hw, "--by", "run")
    assert len(runs) == 2
    assert min(each["cpu_seconds"] for each in runs.values()) > 0


def test_costs_are_added_up_by_tag_and_owner(hw: Hw, project: Path) -> None:
    write_files(project, {"models/revenue.sql": TAGGED})
    assert hw("build").code == 0

    tags, owners = lines_of(hw, "--by", "tag"), lines_of(hw, "--by", "owner")

    assert tags["nightly"] == tags["money"] | {"key": "nightly"}
    assert tags["nightly"]["attempts"] == 1
    assert owners["ada"]["cpu_seconds"] == tags["nightly"]["cpu_seconds"]
    assert "(no owner)" in owners


def test_a_failed_node_has_cost_something(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {"models/revenue.sql": "select error('no') as customer from {{ ref('stg_orders') }}\n"},
    )
    assert hw("build").code == 1

    assert lines_of(hw)["revenue"]["attempts"] == 1


def test_without_a_price_money_is_unknown_and_not_zero(hw: Hw) -> None:
    assert hw("build").code == 0

    told = hw("cost")

    assert lines_of(hw)["revenue"]["money"] is None
    assert " ? " in told.out
    assert "hw price list" in told.err


def test_runs_are_chosen_by_time_and_id(hw: Hw) -> None:
    assert hw("cost").out == "nothing ran\n"
    assert hw("build").code == 0
    (run,) = lines_of(hw, "--by", "run")

    assert hw("cost", "--since", "2999-01-01").out == "nothing ran\n"
    assert hw("cost", "--until", "2000-01-01", "--since", "all").out == "nothing ran\n"
    assert set(lines_of(hw, "--run", run, "--by", "run")) == {run}
    refused = hw("cost", "--since", "yesterday")
    assert (refused.code, "HW1902" in refused.err) == (2, True)


def test_the_ledger_is_written_as_focus_rows(hw: Hw, project: Path) -> None:
    write_files(project, PRICED)
    assert hw("build").code == 0
    total = hw("cost", "--output", "json").document["total"]

    rows = list(csv.DictReader(io.StringIO(hw("cost", "--output", "focus").out)))

    assert sum(float(row["BilledCost"]) for row in rows) == pytest.approx(total["money"])
    assert {row["ResourceName"] for row in rows} >= {"revenue", "raw_orders", ""}
    for row in rows:
        assert row["ChargePeriodStart"].endswith("Z")
        assert row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["BillingPeriodEnd"]
        assert row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        assert (row["ChargeCategory"], row["BillingCurrency"]) == ("Usage", "USD")
        json.loads(row["Tags"])


def test_a_bill_is_compared_and_what_it_says_more_is_shown(hw: Hw, project: Path) -> None:
    write_files(project, PRICED)
    assert hw("build").code == 0
    report = hw("cost", "--output", "json").document
    text = "BilledCost,ChargePeriodStart\n" + "".join(
        f"{cost},{time}\n"
        for cost, time in [
            (report["total"]["money"], "2999-01-01T00:00:00Z"),
            (0.25, "2999-01-01T00:00:00Z"),
            (100, "2000-01-01T00:00:00Z"),  # before the span
        ]
    )
    bad = {
        "older.csv": "unblended\n1\n",
        "bad.csv": "BilledCost\nx\n",
        "nothing.csv": "BilledCost\nnan\n",
        "euro.csv": "BilledCost,BillingCurrency\n1,EUR\n",
        "day.csv": "BilledCost,ChargePeriodStart\n1,01/11/2026\n",
    }
    write_files(project, {"bill.csv": text, **bad})

    compared = hw("cost", "--bill", "bill.csv", "--output", "json").document

    assert compared["unexplained"] == pytest.approx(0.25)
    month = "BilledCost,ChargePeriodStart\n" + "".join(
        f"1,2026-11-{day:02}T00:00:00Z\n" for day in range(1, 31)
    )
    write_files(project, {"month.csv": f"{month}100,2026-12-01T00:00:00Z\n"})
    whole = ("--since", "2026-11-01", "--until", "2026-12-01", "--bill", "month.csv")
    assert hw("cost", *whole, "--output", "json").document["billed"] == 30.0
    assert "unexplained $0.25" in hw("cost", "--bill", "bill.csv").out
    for file in (*bad, "missing.csv"):
        refused = hw("cost", "--bill", file)
        assert (refused.code, "HW3033" in refused.err) == (2, True)


def test_accuracy_compares_what_was_said_with_what_was_used(hw: Hw) -> None:
    assert hw("cost", "accuracy").out == "nothing was predicted and measured yet\n"
    assert hw("build").code == 0
    assert hw("build", "--force").code == 0

    ended = hw("cost", "accuracy", "--output", "json")

    check_schema(ended.document)
    lines = {(line["quantity"], line["grade"]): line for line in ended.document["lines"]}
    assert ("cpu_seconds", "measured") in lines
    for line in lines.values():
        assert line["q_p90"] >= line["q_median"] >= 1
        assert 0 <= line["covered"] <= 1
    assert "q median" in hw("cost", "accuracy").out


def test_bytes_are_predicted_exactly_from_the_statistics_of_files(hw: Hw, project: Path) -> None:
    """The plan reads the log; what is measured is what the engine says of its scans."""
    grouped = "select customer, count(*) as n from {{ ref('revenue') }} group by customer"
    write_files(project, {"models/kinds.sql": grouped})
    assert hw("build").code == 0

    run = hw("build", "--force", "--select", "kinds", "--output", "json").document

    [built] = [result for result in run["results"] if result["relation"]]
    expected, used = built["estimate"]["bytes_read"], built["cost"]["logical_bytes"]
    [line] = [
        each
        for each in hw("cost", "accuracy", "--output", "json").document["lines"]
        if (each["quantity"], each["grade"]) == ("bytes_read", "bound")
    ]
    assert expected["grade"] == "bound"
    assert used == expected["value"] > 0
    assert (line["exact"], line["above"]) == (line["count"], 0)


BOOK = """\
name: cloud
date: "{date}"
currency: {currency}
machines:
  - {{type: m1, provider: cloud, vcpus: 2, memory_gib: 8, family: m}}
  - {{type: n1, provider: cloud, vcpus: 4, memory_gib: 8, family: n}}
prices:
  - {{sku: m1, provider: cloud, service: vm, meter: machine_hour, price: {m1}, source: a page,
      date: "{date}"}}
  - {{sku: n1, provider: cloud, service: vm, meter: machine_hour, price: {n1}, source: a page,
      date: "{date}"}}
rules:
  - {{provider: cloud, service: vm, minimum_seconds: 60}}
"""


STORAGE_BOOK = """\
name: cloud
date: "2026-11-01"
machines: [{type: m1, provider: cloud, vcpus: 2, memory_gib: 8, family: m}]
prices:
  - {sku: m1, provider: cloud, service: vm, meter: machine_hour, price: 1, source: a page, date: d}
  - {sku: disk, provider: cloud, service: disk, meter: gb_month, price: 1000000, source: a page,
      date: d}
"""


def book(date: str, m1: float, n1: float = 7200, currency: str = "USD") -> str:
    return BOOK.format(date=date, m1=m1, n1=n1, currency=currency)


def test_books_of_the_project_are_listed_before_those_that_are_shipped(
    hw: Hw, project: Path
) -> None:
    write_files(project, {"prices/aws.yml": book("2026-11-02", 1).replace("cloud", "aws")})

    listed = hw("price", "list", "--output", "json").document
    shown = hw("price", "show", "aws", "--output", "json").document

    check_schema(listed)
    check_schema(shown)
    assert [each["shipped"] for each in listed["books"][:2]] == [False, True]
    assert shown["book"]["date"] == "2026-11-02"
    assert hw("price", "show", "aws@2026-06-17").code == 0
    missing = hw("price", "show", "moon")
    assert (missing.code, "HW3030" in missing.err) == (2, True)


def test_a_plan_is_priced_by_a_machine_of_a_book(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "prices/cloud.yml": book("2026-11-01", 7200),
            "headwater.yml": "prices: {book: cloud, machine: m1}\n",
        },
    )
    assert hw("build").code == 0

    money = lines_of(hw)["revenue"]

    assert money["money"] == pytest.approx(money["cpu_seconds"])  # 7200 an hour, two processors
    write_files(project, {"models/revenue.sql": TAGGED})
    cost = hw("plan", "--output", "json").document["totals"]["cost"]
    assert cost["dollars"]["value"] == pytest.approx(cost["cpu_seconds"]["value"])


def test_a_machines_bill_has_rows_for_idle_time_and_its_minimum(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "prices/cloud.yml": book("2026-11-01", 7200),
            "headwater.yml": "prices: {book: cloud, machine: m1, billing: machine}\n",
        },
    )
    assert hw("build").code == 0

    by_kind = lines_of(hw, "--by", "kind")
    total = hw("cost", "--output", "json").document["total"]

    assert {"statement", "overhead", "idle", "startup", "minimum"} <= set(by_kind)
    assert total["money"] == pytest.approx(120.0)  # a minute of two processors
    again = hw("price", "diff", "cloud", "cloud", "--output", "json").document["total"]
    assert again["before"] == again["after"] == pytest.approx(120.0)
    other = ("price", "diff", "cloud", "cloud", "--to-machine", "n1", "--speed", "2")
    assert hw(*other).code == 2


def test_another_price_reprices_history_exactly(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "prices/cloud@2026-11-01.yml": book("2026-11-01", 7200),
            "prices/cloud@2026-12-01.yml": book("2026-12-01", 9000),
            "headwater.yml": "prices: {book: cloud@2026-11-01, machine: m1}\n",
        },
    )
    assert hw("build").code == 0

    ended = hw("price", "diff", "cloud@2026-11-01", "cloud@2026-12-01", "--output", "json")

    check_schema(ended.document)
    found = ended.document
    assert found["is_exact"]
    assert found["total"]["after"] == pytest.approx(found["total"]["before"] * 1.25, rel=1e-9)
    for line in found["lines"]:
        assert line["low"] == line["after"] == line["high"]
    assert "+25.0 %" in hw("price", "diff", "cloud@2026-11-01", "cloud@2026-12-01").out


def test_another_machine_is_not_priced_before_it_was_measured(hw: Hw, project: Path) -> None:
    asked = ("price", "diff", "cloud", "cloud", "--machine", "m1", "--to-machine", "n1")
    write_files(project, {"prices/cloud.yml": book("2026-11-01", 7200)})
    assert hw("build").code == 0

    refused = hw(*asked)
    assert hw("calibrate", "--as", "m1", "--rows", "1000", "--save").code == 0
    assert hw("calibrate", "--as", "n1", "--rows", "1000", "--save").code == 0
    kept = project / "prices/machines/n1.yml"
    kept.write_text((project / "prices/machines/m1.yml").read_text(encoding="utf-8"))
    measured = hw(*asked, "--output", "json").document
    given = hw(*asked, "--speed", "2", "--output", "json").document

    assert (refused.code, "HW3034" in refused.err) == (2, True)
    assert measured["speed"] == pytest.approx(1)
    assert measured["break_even"] == pytest.approx(0.5)
    assert measured["total"]["after"] == pytest.approx(measured["total"]["before"] / 2)
    assert given["total"]["after"] == pytest.approx(given["total"]["before"] / 4)
    assert given["total"]["low"] < given["total"]["after"] < given["total"]["high"]


def test_a_contract_is_what_is_paid_beside_the_list(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "prices/cloud.yml": book("2026-11-01", 7200),
            "ours.yml": "{name: ours, date: d, discounts: [{sku: m1, percent: 50}]}\n",
            "headwater.yml": "prices: {book: cloud, machine: m1, contract: ours.yml}\n",
        },
    )
    assert hw("build").code == 0

    paid = hw("cost", "--output", "json").document["total"]
    rows = list(csv.DictReader(io.StringIO(hw("cost", "--output", "focus").out)))
    same = hw("price", "diff", "cloud", "cloud", "--output", "json").document["total"]

    assert paid["money"] == pytest.approx(paid["cpu_seconds"] / 2)
    assert same["before"] == same["after"] == pytest.approx(paid["money"])
    assert {(row["ListUnitPrice"], row["ContractedUnitPrice"]) for row in rows} >= {
        ("3600.0", "1800.0")
    }
    assert sum(float(row["ListCost"]) for row in rows) == pytest.approx(paid["cpu_seconds"])


def test_a_discount_that_applies_to_nothing_is_told(hw: Hw, project: Path) -> None:
    discounts = "{sku: m1, percent: 50}, {sku: m1x, percent: 5}, {provider: elsewhere, percent: 5}"
    write_files(
        project,
        {
            "prices/cloud.yml": book("2026-11-01", 7200),
            "ours.yml": f"{{name: ours, date: d, discounts: [{discounts}]}}\n",
            "headwater.yml": "prices: {book: cloud, machine: m1, contract: ours.yml}\n",
        },
    )

    for verb in ("plan", "check"):
        ended = hw(verb)
        told = ended.out + ended.err
        assert ended.code == 0
        assert told.count("HW3054") == 2
        assert "`m1x`" in told
        assert "`elsewhere`" in told


def test_books_of_two_currencies_are_not_compared(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "prices/one.yml": book("2026-11-01", 1).replace("name: cloud", "name: one"),
            "prices/two.yml": book("2026-11-01", 1, currency="EUR").replace(
                "name: cloud", "name: two"
            ),
        },
    )

    refused = hw("price", "diff", "one", "two", "--machine", "m1")

    assert (refused.code, "HW3035" in refused.err) == (2, True)


def test_a_faulty_book_stops_the_plan_that_needs_it_and_names_the_place(
    hw: Hw, project: Path
) -> None:
    text = book("2026-11-01", 1).replace("machine_hour", "machine_hours")
    write_files(
        project,
        {"prices/cloud.yml": text, "headwater.yml": "prices: {book: cloud, machine: m1}\n"},
    )

    refused = hw("plan")

    assert (refused.code, "HW3031" in refused.err) == (2, True)
    assert "$.prices[0].meter" in refused.err
    write_files(
        project,
        {
            "headwater.yml": "prices: {book: cloud, machine: m9}\n",
            "prices/cloud.yml": book("2026-11-01", 1),
        },
    )
    assert "HW3032" in hw("plan").err


def test_a_calibration_says_how_long_each_work_takes(hw: Hw, project: Path) -> None:
    ended = hw("calibrate", "--rows", "1000", "--output", "json")

    check_schema(ended.document)
    assert set(ended.document["nanoseconds"]) == {"write", "scan", "group", "join", "sort"}
    assert min(ended.document["nanoseconds"].values()) > 0
    assert not (project / "prices").exists()
    assert hw("calibrate", "--as", "../x", "--rows", "1000", "--save").code == 2


def test_the_ledger_is_a_table_of_the_lake_with_each_run_once(hw: Hw) -> None:
    assert hw("build").code == 0
    first = hw("cost", "publish", "--output", "json")
    assert hw("build", "--force").code == 0
    assert hw("cost", "publish").code == 0

    asked = (
        "select command, count(distinct run_id), count(*) = count(distinct run_id || node || "
        "attempt || kind || meter), round(sum(quantity) filter (meter = 'cpu_seconds'), 6) "
        "from headwater.billing.usage where command = 'build' group by all"
    )
    told = hw("sql", asked, "--output", "json").document["rows"]
    builds = lines_of(hw, "--by", "command")["build"]

    check_schema(first.document)
    assert (first.document["runs"], first.document["version"]) == (1, 0)
    assert told == [["build", 2, True, pytest.approx(builds["cpu_seconds"], abs=1e-5)]]
    assert hw("plan", "--output", "json").document["totals"]["rebuild"] == 0


def test_a_providers_list_becomes_a_book_of_the_project(hw: Hw, project: Path) -> None:
    text = (
        "price_start_time,price_end_time,sku_name,cloud,currency_code,usage_unit,pricing.default\n"
        "2026-06-01T00:00:00Z,,JOBS,AWS,USD,DBU,0.15\n"
    )
    write_files(project, {"list.csv": text, "page.html": "<html></html>"})
    asked = ("price", "import", "list.csv", "--name", "ours")

    tried = hw(*asked, "--dry-run")
    assert not (project / "prices").exists()
    done = hw(*asked, "--output", "json")

    assert "would be kept" in tried.out
    check_schema(done.document)
    assert hw("price", "show", "ours").out.startswith("ours@2026-06-01 (USD)")
    refused = hw("price", "import", "page.html", "--name", "ours")
    assert (refused.code, "HW3036" in refused.err) == (2, True)


def test_workspaces_that_share_a_lake_both_have_their_runs_in_the_table(
    hw: Hw, project: Path
) -> None:
    assert hw("build").code == 0
    assert hw("cost", "publish").out.endswith("1 run written\n")
    for file in (project / ".headwater").glob("workspace.db*"):
        file.unlink()  # as good as another workspace: its runs are numbered from one again
    assert hw("build", "--force").code == 0

    told = hw("cost", "publish")

    assert told.out.endswith("1 run written\n")
    asked = "select count(distinct run_id) from headwater.billing.usage where command = 'build'"
    assert hw("sql", asked, "--output", "json").document["rows"] == [[2]]


def test_options_in_front_of_a_subcommand_are_refused(hw: Hw) -> None:
    for asked in (("--run", "x", "accuracy"), ("--output", "json", "storage")):
        refused = hw("cost", *asked)
        assert (refused.code, "HW1902" in refused.err) == (2, True)
    assert hw("cost", "storage", "--output", "json").code == 0


def test_a_run_that_crashed_did_not_cost_nothing(hw: Hw, project: Path) -> None:
    write_files(project, PRICED)
    assert hw("build").code == 0
    store = sqlite3.connect(project / ".headwater/workspace.db")
    store.execute("update run set status = 'crashed', cpu_seconds = null, wall_seconds = null")
    store.execute("update attempt set cpu_seconds = 0")
    store.commit()
    store.close()

    report = hw("cost", "--output", "json").document

    assert (report["unmeasured"], report["total"]["money"]) == (1, None)
    assert "1 run ended without a measurement" in hw("cost").out


@pytest.mark.parametrize(
    "prices", ["cpu_hour: -1", "cpu_hour: .inf", "cpu_hour: 1, budget_month: .nan"]
)
def test_a_price_that_is_none_is_refused(hw: Hw, project: Path, prices: str) -> None:
    write_files(project, {"headwater.yml": f"prices: {{{prices}}}\n"})

    refused = hw("plan")

    assert (refused.code, "HW1901" in refused.err) == (2, True)


def test_a_faulty_book_is_in_nobodys_way_but_its_own(hw: Hw, project: Path) -> None:
    write_files(project, {"headwater.yml": "prices: {book: own, machine: desk-8}\n"})
    junk = project / "prices/junk.yml"
    junk.parent.mkdir()
    junk.write_bytes(b"\xff\xfe\x00junk")

    assert hw("build").code == 0
    refused = hw("price", "show", "junk")
    assert (refused.code, "HW3031" in refused.err) == (2, True)


def test_a_shown_book_is_one_that_can_be_used(hw: Hw, project: Path) -> None:
    text = hw("price", "show", "aws", "--output", "yaml").out
    write_files(
        project,
        {
            "prices/aws.yml": text,
            "headwater.yml": "prices: {book: aws, machine: m7g.large}\n",  # its only region
        },
    )

    assert hw("plan").code == 0
    assert "project" in hw("price", "list").out.splitlines()[0]


def test_a_plan_foresees_what_a_machine_is_billed_beside_its_work(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {
            "prices/cloud.yml": book("2026-11-01", 7200),
            "headwater.yml": "prices: {book: cloud, machine: m1, billing: machine}\n",
        },
    )

    plan = hw("plan", "--output", "json")
    shown = hw("plan").out
    assert hw("build").code == 0
    used = lines_of(hw, "--by", "kind")

    check_schema(plan.document)
    bill = plan.document["totals"]["machine"]
    parts = [bill[name]["value"] for name in ("idle", "startup", "minimum")]
    work = plan.document["totals"]["cost"]["dollars"]["value"]
    assert sum(parts) + work == pytest.approx(bill["billed"]["value"])
    assert bill["minimum"]["value"] > 0
    # Both are shorter than the minute that is billed at least.
    assert bill["billed"]["value"] == pytest.approx(sum(each["money"] for each in used.values()))
    assert "machine " in shown
    assert "HW3039" not in shown


def test_a_machines_bill_is_not_foreseen_where_a_step_is_unknown(hw: Hw, project: Path) -> None:
    own = "prices: {book: own, machine: desk-8, billing: machine}\n"
    asks = "select * from read_csv(['seeds/raw_orders.csv'])"
    write_files(project, {"headwater.yml": own, "models/asks.sql": asks})

    plan = hw("plan", "--output", "json").document

    unknown = plan["totals"]["machine"]["billed"]["value"] is None
    assert unknown == any(each["code"] == "HW3039" for each in plan["diagnostics"])


def test_storage_is_shown_with_what_older_versions_keep(hw: Hw, project: Path) -> None:
    assert hw("cost", "storage").out == "there are no tables\n"
    assert hw("build").code == 0
    write_files(
        project,
        {
            "prices/cloud.yml": STORAGE_BOOK,
            "headwater.yml": "prices: {book: cloud, machine: m1}\n",
        },
    )

    once = hw("cost", "storage", "--output", "json").document
    assert hw("build", "--full-refresh", "-s", "raw_orders").code == 0
    ended = hw("cost", "storage", "--output", "json")

    check_schema(ended.document)
    before = {each["table"]: each for each in once["tables"]}["shop.main.raw_orders"]
    after = {each["table"]: each for each in ended.document["tables"]}["shop.main.raw_orders"]
    folder = project / ".headwater/lake/shop/main/raw_orders"
    data = sum(file.stat().st_size for file in folder.glob("*.parquet"))
    assert before["older_bytes"] == 0
    assert after["newest_bytes"] + after["older_bytes"] == data
    assert after["older_bytes"] == before["newest_bytes"]
    size = data + after["log_bytes"]
    assert after["month"] == pytest.approx(size / 1e9 * 1_000_000)
    assert "raw_orders" in hw("cost", "storage").out


def test_a_table_that_is_gone_is_named_and_the_others_are_shown(hw: Hw, project: Path) -> None:
    assert hw("build").code == 0
    shutil.rmtree(project / ".headwater/lake/shop/main/revenue")

    shown = {
        each["table"]: each for each in hw("cost", "storage", "--output", "json").document["tables"]
    }

    assert shown["shop.main.revenue"]["problem"]
    assert shown["shop.main.raw_orders"]["newest_bytes"] > 0


@pytest.mark.parametrize(
    ("budget", "named"),
    [
        ("{node: extra, run: 0.0000001}", "a run of `extra`"),
        ("{tag: nightly, month: 0.0001, runs_per_month: 30}", "a month of tag `nightly`"),
        ("{owner: ada, run: 0.0000001}", "a run of owner `ada`"),
        ("{run: 0.0000001}", "a run of the project"),
    ],
)
def test_a_plan_that_goes_above_a_budget_is_blocked(
    hw: Hw, project: Path, budget: str, named: str
) -> None:
    write_files(project, PRICED)
    assert hw("build").code == 0
    text = f"{PRICED['headwater.yml']}budgets: [{budget}]\n"
    write_files(project, {"headwater.yml": text, "models/extra.sql": TAGGED})

    ended = hw("plan")

    assert ended.code == 3, ended.err
    assert named in ended.out
    assert "HW3001" in ended.out


def test_a_budget_that_is_kept_or_only_passed_by_data_blocks_nothing(hw: Hw, project: Path) -> None:
    low = f"{PRICED['headwater.yml']}budgets: [{{node: revenue, run: 0.0000001}}]\n"
    write_files(project, {"headwater.yml": low.replace("0.0000001", "1000")})
    assert hw("build").code == 0
    write_files(project, {"headwater.yml": low})

    ended = hw("plan")

    assert ended.code == 0, ended.err
    assert "HW3001" in ended.out  # said all the same


@pytest.mark.parametrize(
    "settings", ["budgets: [{run: 1}]\n", f"{PRICED['headwater.yml']}budgets: [{{month: 1}}]\n"]
)
def test_a_budget_that_cannot_be_checked_is_told(hw: Hw, project: Path, settings: str) -> None:
    write_files(project, {"headwater.yml": settings})

    ended = hw("plan")

    assert (ended.code, "HW3038" in ended.out) == (0, True)


def test_a_budget_for_nobody_is_a_fault(hw: Hw, project: Path) -> None:
    write_files(
        project,
        {"headwater.yml": f"{PRICED['headwater.yml']}budgets: [{{tag: nigthly, run: 1}}]\n"},
    )

    ended = hw("plan")

    assert ended.code == 3
    assert ended.out.count("is for no node") == 1
    checked = hw("check")
    assert (checked.code == 0, (checked.out + checked.err).count("is for no node")) == (
        False,
        1,
    )
    write_files(project, {"headwater.yml": "budgets: [{tag: x}]\n"})
    refused = hw("plan")
    assert (refused.code, "HW3037" in refused.err) == (2, True)
