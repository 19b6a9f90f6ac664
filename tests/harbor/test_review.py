"""The shipped edit of the harbor as a pull request: one plan, told in every form."""

import json
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.main import run

HARBOR = Path(__file__).parents[2] / "examples" / "harbor"
CONSUMERS = """
consumers:
  - name: invoice-risk@7
    kind: endpoint
    owner: "@ml-core"
    live: 31 req/s
    reads: [{table: int_invoice_lines, columns: {amount: double}}]
"""


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Plan the tempting edit against the commit before it, without any lake."""
    top = tmp_path_factory.mktemp("review")
    project = top / "harbor"
    shutil.copytree(HARBOR, project, ignore=shutil.ignore_patterns(".headwater", "target"))
    settings = (project / "headwater.yml").read_text(encoding="utf-8")
    (project / "headwater.yml").write_text(settings + CONSUMERS, encoding="utf-8")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "before")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["apply.py", "tempting", "--project-dir", str(project)])
        runpy.run_path(str(project / "edits" / "apply.py"), run_name="__main__")
        patch.setenv("HOME", str(top))
        files = {form: top / form for form in ("text", "json", "github", "sarif")}
        also = [word for form, file in files.items() for word in ("--also", f"{form}={file}")]
        code = run(["plan", "--project-dir", str(project), "--base", "main", *also])
    assert code == 3
    return {form: file.read_text(encoding="utf-8") for form, file in files.items()}


@pytest.fixture
def plan(forms: dict[str, str]) -> Any:
    return json.loads(forms["json"])


def test_the_edit_breaks_and_degrades_what_it_is_known_to(plan: Any) -> None:
    broken = {(each["node"], each["kind"]) for each in plan["impact"] if each["effect"] == "breaks"}

    assert broken == {
        ("exposure.harbor.invoice_feed", "renamed"),
        ("metric.harbor.revenue", "renamed"),
        ("semantic_model.harbor.revenue", "renamed"),
        ("test.harbor.not_null_revenue_by_carrier_revenue_eur.b037f8b3ff", "renamed"),
        ("endpoint.consumer.invoice-risk@7", "retyped"),
    }


def test_every_change_has_its_kind(plan: Any) -> None:
    kinds = {each["node"].rpartition(".")[2]: each["kinds"] for each in plan["changes"]}

    assert kinds["stg_invoices"] == ["retyped"]
    assert kinds["revenue_by_carrier"] == ["renamed"]
    assert kinds["dim_region"] == ["new"]


@pytest.mark.parametrize("form", ["text", "github", "sarif"])
def test_every_form_says_what_the_plan_says(forms: dict[str, str], plan: Any, form: str) -> None:
    shown = forms[form]

    for finding in plan["diagnostics"]:
        assert finding["code"] in shown
    for item in plan["impact"]:
        if item["effect"] == "breaks":
            file, line = item["hops"][-1]["file"], item["hops"][-1]["line"]
            assert file in shown
            assert f"{file}:{line}" in shown or f'"startLine": {line}' in shown
    assert "expects amount: DOUBLE; gets DECIMAL(12,2)" in shown
    assert "ml-core" in shown


def test_the_comment_ends_with_the_text_as_it_is(forms: dict[str, str]) -> None:
    for line in forms["text"].splitlines():
        assert line in forms["github"]
