"""Runaway templates at the command line: each with its code, model, line and setting."""

from pathlib import Path

from tests.cli.conftest import Hw

ENDLESS = """\
select 1 as id
{% set l = [1] %}
{% for i in l %}{% do l.append(i) %}{% endfor %}
"""


def test_every_runaway_model_is_reported_once_with_its_line(hw: Hw, project: Path) -> None:
    (project / "headwater.yml").write_text("jinja: {steps: 20000}\n", encoding="utf-8")
    for name in ("first", "second"):
        (project / "models" / f"{name}.sql").write_text(ENDLESS, encoding="utf-8")

    ended = hw("compile", "--output", "json")

    assert ended.code == 2
    found = [
        (each["code"], each["node"], each["where"]["file"], each["where"]["line"])
        for each in ended.document["diagnostics"]
        if each["code"] == "HW1307"
    ]
    assert found == [
        ("HW1307", "model.shop.first", "models/first.sql", 3),
        ("HW1307", "model.shop.second", "models/second.sql", 3),
    ]


def test_a_budget_is_raised_by_its_setting(hw: Hw, project: Path) -> None:
    long = "{% for i in range(30000) %}{% endfor %}select 1 as id"
    (project / "models" / "long.sql").write_text(long, encoding="utf-8")
    (project / "headwater.yml").write_text("jinja: {steps: 20000}\n", encoding="utf-8")

    refused = hw("compile", "--output", "json")
    (project / "headwater.yml").write_text("jinja: {steps: 40000}\n", encoding="utf-8")
    allowed = hw("compile", "--output", "json")

    assert (refused.codes, allowed.code) == (["HW1307"], 0)
