"""selectors.yml on the command line: its default, and its Jinja."""

from pathlib import Path

from tests.cli.conftest import Hw

SELECTORS = """\
selectors:
  - name: wanted
    definition: "{{ var('wanted') }}"
    default: "{{ target.type == 'duckdb' | as_bool }}"
"""
WANTED = ("--vars", "{wanted: stg_orders}")


def test_a_command_that_names_nothing_is_about_the_default_selector(hw: Hw, project: Path) -> None:
    (project / "selectors.yml").write_text(SELECTORS)

    assert hw("ls", *WANTED, "--resource-type", "model").out.split() == ["shop.stg_orders"]
    assert hw("compile", *WANTED).code == 0
    planned = hw("plan", *WANTED, "--output", "json").document
    built = [step["node"] for step in planned["steps"] if step["action"] == "add"]
    assert built == ["model.shop.stg_orders"]


def test_a_variable_that_selectors_yml_misses_is_told(hw: Hw, project: Path) -> None:
    (project / "selectors.yml").write_text(SELECTORS)

    ended = hw("build")

    assert ended.code == 2
    assert "var-not-found" in ended.err


def test_ls_of_models_lists_models_only(hw: Hw) -> None:
    models = hw("ls", "--models", "stg_orders+").out.split()
    everything = hw("list", "--select", "stg_orders+").out.split()
    tests = hw("ls", "-m", "stg_orders+", "--resource-type", "exposure").out.split()

    assert models == ["shop.revenue", "shop.stg_orders"]
    assert set(models) < set(everything)
    assert tests == ["exposure:shop.board"]
