"""``hw diff``: versions, tables and targets, by the key that the project names."""

from pathlib import Path

from tests.cli.conftest import Hw, write_files
from tests.cli.test_commands import check_schema

MORE = "order_id,customer,amount\n1,ada,11.5\n2,grace,4.0\n3,ada,2.5\n4,alan,1.0\n"


def test_two_versions_are_told_by_the_unique_column(hw: Hw, project: Path) -> None:
    assert hw("build").code == 0
    write_files(project, {"seeds/raw_orders.csv": MORE})
    assert hw("build").code == 0

    shown = hw("diff", "revenue@v0")
    found = hw("diff", "revenue@v0", "revenue@v1", "--output", "json")

    assert shown.code == found.code == 1
    assert "rows 2 -> 3: -0 +1 ~1, by key customer" in shown.out
    assert "~ customer=ada  revenue: 13.00 -> 14.00" in shown.out
    assert found.document["key"] == ["customer"]
    assert found.document["changed"][0]["key"] == ["ada"]
    check_schema(found.document)


def test_nothing_that_differs_is_zero(hw: Hw) -> None:
    assert hw("build").code == 0

    ended = hw("diff", "revenue", "revenue@0")

    assert (ended.code, ended.out.splitlines()[1]) == (0, "no difference: 2 rows")


def test_a_key_is_given_or_left_out(hw: Hw, project: Path) -> None:
    assert hw("build").code == 0
    write_files(project, {"seeds/raw_orders.csv": MORE})
    assert hw("build").code == 0

    given = hw("diff", "raw_orders@v0", "--key", "order_id")
    left_out = hw("diff", "revenue@v0", "--no-key")
    wrong = hw("diff", "raw_orders@v0", "--key", "customer")

    assert "by key order_id" in given.out
    assert "by customer, revenue, orders" in left_out.out
    assert "is there more than once on the left: (customer) is none" in wrong.err


def test_a_key_that_no_side_has_is_a_fault(hw: Hw) -> None:
    assert hw("build").code == 0

    ended = hw("diff", "revenue", "revenue", "--key", "gone", "--output", "json")

    assert ended.codes == ["HW6091"]


def test_the_projects_key_is_left_out_where_its_type_has_changed(hw: Hw, project: Path) -> None:
    assert hw("build").code == 0
    rows = "order_id,customer,amount\n1,7,11.5\n2,8,4.0\n"
    write_files(project, {"seeds/raw_orders.csv": rows})
    assert hw("build", "--accept", "breaking-change").code == 0

    ended = hw("diff", "revenue@v0")

    assert (ended.code, ended.err) == (1, "")
    assert "customer: VARCHAR -> INTEGER" in ended.out


def test_a_table_is_compared_with_that_of_another_target(hw: Hw, project: Path) -> None:
    profiles = "shop:\n  target: dev\n  outputs:\n" + "".join(
        f"    {name}: {{type: headwater, schema: {name}}}\n" for name in ("dev", "prod")
    )
    settings = (project / "dbt_project.yml").read_text(encoding="utf-8")
    write_files(
        project, {"profiles.yml": profiles, "dbt_project.yml": settings + "profile: shop\n"}
    )
    assert hw("build", "--target", "prod").code == 0
    write_files(project, {"seeds/raw_orders.csv": MORE})
    assert hw("build").code == 0

    ended = hw("diff", "revenue", "--against", "prod")

    assert ended.out.startswith("shop.prod.revenue@v0 of prod -> shop.dev.revenue@v0")
    assert "+1 ~1, by key customer" in ended.out
    assert ended.code == 1


def test_views_have_no_files_to_compare(hw: Hw) -> None:
    assert hw("build").code == 0

    ended = hw("diff", "stg_orders", "stg_orders", "--output", "json")

    assert ended.code != 0
    assert ended.document["diagnostics"]
