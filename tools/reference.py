"""Write the reference pages and JSON Schemas from the code, or check that they are up to date.

python tools/reference.py            write docs/reference/*.md and the schemas
python tools/reference.py --check    exit with 1 when a page differs from the code
"""

import json
import sys
from pathlib import Path

import click
from compatibility import compatibility_page
from schemas import make_schemas

from headwater.base.codes import CODES
from headwater.base.settings import SETTINGS
from headwater.cli.main import COMMANDS, Commands, hw
from headwater.plan.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- made by tools/reference.py; edit the code instead -->\n"


RULES_HEAD = """\
A finding has a severity: an `error` blocks the plan (exit 3), a `warning` and an `info` do not.
Only what a plan changes blocks it: a risk that was deployed earlier warns.

There are four ways to let a finding through, from narrow to wide:

- **One node, with its reason.** The properties of the node say why the rule does not apply to it.
  The finding stays in the plan as information, with the reason, for whoever reads it next:

  ```yaml
  models:
    - name: fct_container_moves
      config:
        meta:
          headwater:
            allow:
              late-rows-lost: "the terminal resends everything on Sundays"
  ```

  The key is the code's name or number (`late-rows-lost`, `HW4002`). In a model's file it is
  `{{ config(meta={'headwater': {'allow': {'HW4002': 'the reason'}}}) }}`.
- **One plan.** `hw plan --accept HW4002` lets errors of a code only warn, this time.
- **A project.** `rules` in `headwater.yml` says how grave a code is everywhere: `error`, `warning`,
  `info` or `off`, as in `rules: {cross-join: error, HW4011: off}`. What a rule finds to be harmless
  stays information.
- **A budget** is in `headwater.yml`: raise `budget_month` knowingly.
"""


def cli_page() -> str:
    """Return the page of every command's help."""
    parts = ["# Command line\n", NOTE, "```text", _help(hw, "hw"), "```\n"]
    group = hw
    assert isinstance(group, Commands)
    for name in COMMANDS:
        command = group.get_command(click.Context(hw), name)
        assert command is not None
        parts += [f"## hw {name}\n", "```text", _help(command, f"hw {name}"), "```\n"]
        if isinstance(command, click.Group):
            for sub, inner in command.commands.items():
                parts += [
                    f"### hw {name} {sub}\n",
                    "```text",
                    _help(inner, f"hw {name} {sub}"),
                    "```\n",
                ]
    return "\n".join(parts)


def _help(command: click.Command, name: str) -> str:
    context = click.Context(command, info_name=name, max_content_width=90, terminal_width=90)
    return command.get_help(context).rstrip()


def settings_page() -> str:
    """Return the page of every setting."""
    lines = [
        "# Settings\n",
        NOTE,
        "Flags win over the environment, that over `headwater.yml`, that over defaults.",
        "`hw config show` tells where each value came from.\n",
    ]
    lines += ["| setting | default | environment | what it does |", "|---|---|---|---|"]
    for setting in SETTINGS:
        variables = ", ".join(f"`{name}`" for name in setting.environment) or "-"
        lines.append(
            f"| `{setting.name}` | {setting.default or '-'} | {variables} | {setting.help} |"
        )
    return "\n".join(lines) + "\n"


def codes_page() -> str:
    """Return the page of every code."""
    parts = [
        "# Codes\n",
        NOTE,
        "Every error and finding has one; `hw explain CODE` shows the same text offline.\n",
    ]
    for code in sorted(CODES, key=lambda each: each.number):
        parts += [
            f"## {code.number} {code.name}\n",
            f"*{code.title}*\n",
            code.explain.strip() + "\n",
        ]
    return "\n".join(parts)


def rules_page() -> str:
    """Return the page of every risk rule, from the rules' own docstrings."""
    parts = ["# Risk rules\n", NOTE, RULES_HEAD]
    for rule in RULES:
        doc = (sys.modules[rule.check.__module__].__doc__ or "").strip()
        parts += [f"## {rule.code}\n", doc + "\n"]
    return "\n".join(parts)


def pages() -> dict[Path, str]:
    """Return every generated file with its text."""
    made = {
        ROOT / "docs/reference/cli.md": cli_page(),
        ROOT / "docs/reference/settings.md": settings_page(),
        ROOT / "docs/reference/codes.md": codes_page(),
        ROOT / "docs/reference/rules.md": rules_page(),
        ROOT / "docs/reference/dbt.md": compatibility_page(NOTE),
    }
    for name, schema in make_schemas().items():
        text = json.dumps(schema, indent=2) + "\n"
        made[ROOT / f"docs/schemas/{name}.json"] = text
        made[ROOT / f"src/headwater/cli/schemas/{name}.json"] = text
    return made


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them."""
    stale = [
        path
        for path, text in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        for path in stale:
            print(f"stale: {path.relative_to(ROOT)} (run: python tools/reference.py)")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages()[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
