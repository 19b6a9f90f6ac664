"""Docs cannot rot: what the code has is documented, and what the docs name exists."""

import re
from pathlib import Path

import pytest

from headwater.base.codes import CODES
from headwater.base.settings import SETTINGS
from headwater.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")])
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]+)")
CODE = re.compile(r"`((?:src/|tools/|docs/|tests/|base/|[a-z]+/)[\w/*.<>-]*\.\w+)`")


def read(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_every_command_has_its_place() -> None:
    page = read("cli.md")

    assert [name for name in COMMANDS if f"## hw {name}\n" not in page] == []


def test_every_setting_has_its_row() -> None:
    page = read("settings.md")

    assert [setting.name for setting in SETTINGS if f"| `{setting.name}` |" not in page] == []


def test_every_code_has_its_entry() -> None:
    page = read("codes.md")

    assert [code.number for code in CODES if f"## {code.number} {code.name}\n" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    broken = [link for link in LINK.findall(text) if not (page.parent / link.strip()).exists()]

    assert broken == []


def test_the_index_links_every_page() -> None:
    docs = ROOT / "docs"
    linked = set(LINK.findall((docs / "index.md").read_text(encoding="utf-8")))
    pages = [*docs.glob("*.md"), *docs.glob("guides/*.md"), *docs.glob("reference/*.md")]
    names = {str(page.relative_to(docs)) for page in pages} - {"index.md"}

    assert sorted(names - linked) == []


def test_architecture_names_files_that_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

    named = [name for name in CODE.findall(text) if not set("<>") & set(name)]
    missing = [
        name
        for name in named
        if not list(ROOT.glob(name)) and not list(ROOT.glob(f"src/headwater/{name}"))
    ]

    assert len(named) > 20
    assert missing == []


def test_each_dependency_has_its_decision() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    decisions = " ".join(
        path.read_text(encoding="utf-8").lower() for path in (ROOT / "docs/decisions").glob("*.md")
    )
    names = [re.split(r"[\[<>=~ ]", entry)[0] for entry in project["dependencies"]]

    assert [name for name in names if name.lower() not in decisions] == []


def test_every_decision_has_a_number_of_its_own_in_name_and_title() -> None:
    files = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [path.name[:4] for path in files]
    titles = [path.read_text(encoding="utf-8").split(maxsplit=2)[1] for path in files]

    assert numbers == [f"{number:04d}" for number in range(1, len(files) + 1)]
    assert titles == numbers
