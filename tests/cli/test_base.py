"""``hw plan --base``: the change of a pull request, by the project's own repository."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import RENAMED, Hw, git, write_files


def test_what_a_change_breaks_is_known_without_any_lake(
    hw: Hw, repository: Path, project: Path
) -> None:
    write_files(project, {"models/revenue.sql": RENAMED})

    ended = hw("plan", "--base", "main", "--output", "json")

    plan = ended.document
    commit = git(repository, "rev-parse", "--short=7", "HEAD")
    assert plan["base"] == f"main @ {commit}"
    assert [(each["node"], each["sign"]) for each in plan["changes"]] == [
        ("model.shop.revenue", "~")
    ]
    assert "exposure.shop.board" in {each["node"] for each in plan["impact"]}
    assert ended.code == 3


def test_an_unchanged_checkout_has_nothing_to_do(hw: Hw, repository: Path) -> None:
    ended = hw("plan", "--base", "HEAD", "--detailed-exitcode")

    assert ended.code == 0
    assert ended.out.startswith("Nothing to do")
    assert "Compared with HEAD @" in ended.out


def test_neither_checkout_nor_index_is_touched(hw: Hw, repository: Path, project: Path) -> None:
    write_files(project, {"models/revenue.sql": RENAMED, "models/new.sql": "select 1 as a"})
    git(repository, "add", "shop/models/new.sql")
    before = git(repository, "status", "--porcelain=v2"), git(repository, "worktree", "list")

    hw("plan", "--base", "main")

    assert before == (
        git(repository, "status", "--porcelain=v2"),
        git(repository, "worktree", "list"),
    )


def test_what_was_built_here_is_not_what_is_compared_with(
    hw: Hw, repository: Path, project: Path
) -> None:
    write_files(project, {"models/revenue.sql": RENAMED})
    assert hw("build").code == 0

    deployed = hw("plan", "--output", "json").document
    compared = hw("plan", "--base", "main", "--output", "json").document

    assert deployed["changes"] == []
    assert [each["node"] for each in compared["changes"]] == ["model.shop.revenue"]
    assert compared["changes"][0]["cost_after"]["cpu_seconds"]["value"] is not None


def test_the_comment_says_what_it_is_compared_with(hw: Hw, repository: Path, project: Path) -> None:
    write_files(project, {"models/revenue.sql": RENAMED})

    ended = hw("plan", "--base", "main", "--output", "github")

    assert ended.out.startswith("<!-- headwater-plan shop/")
    assert "#### Breaks: 1 column" in ended.out
    assert "models/revenue.sql:1 &rarr; <code>board</code> models/schema.yml:" in ended.out


def test_packages_of_the_checkout_are_those_of_the_revision(
    hw: Hw, repository: Path, project: Path
) -> None:
    package = {
        "dbt_packages/extra/dbt_project.yml": "name: extra\nversion: '1.0'\nconfig-version: 2\n",
        "dbt_packages/extra/macros/one.sql": "{% macro one() %}1{% endmacro %}",
        "models/uses.sql": "select {{ extra.one() }} as a",
    }
    write_files(project, package)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "use a package that is not in the repository")

    ended = hw("plan", "--base", "HEAD", "--output", "json")

    assert ended.document["changes"] == []
    assert ended.document["diagnostics"] == []


def test_before_the_project_was_begun_everything_is_new(
    hw: Hw, repository: Path, project: Path
) -> None:
    git(repository, "checkout", "-q", "--orphan", "empty")
    git(repository, "reset", "-q")
    git(repository, "commit", "-q", "--allow-empty", "-m", "nothing")

    ended = hw("plan", "--base", "HEAD", "--output", "json")

    signs = {each["node"]: each["sign"] for each in ended.document["changes"]}
    assert signs["model.shop.revenue"] == "+"
    assert ended.code == 0


def test_faults_of_the_revision_are_not_those_of_the_change(
    hw: Hw, repository: Path, project: Path
) -> None:
    good = (project / "models/revenue.sql").read_text(encoding="utf-8")
    write_files(project, {"models/revenue.sql": "select * from {{ ref('gone') }}"})
    git(repository, "commit", "-qam", "broken")
    write_files(project, {"models/revenue.sql": good})

    ended = hw("plan", "--base", "HEAD", "--output", "json")

    assert [each["name"] for each in ended.document["diagnostics"]] == ["base-faulty"]
    assert ended.code == 0


@pytest.mark.parametrize("revision", ["nowhere", "", "--upload-pack=x", "main:shop", "HEAD~9"])
def test_a_revision_that_is_not_there_is_an_answer(hw: Hw, repository: Path, revision: str) -> None:
    ended = hw("plan", f"--base={revision}", "--output", "json")

    assert ended.codes == ["HW2270"]
    assert ended.code == 2


def test_outside_of_a_repository_it_says_so(
    hw: Hw, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))

    ended = hw("plan", "--base", "main")

    assert "HW2270" in ended.err
    assert "git repository" in ended.err


def test_without_git_it_says_so(
    hw: Hw, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    ended = hw("plan", "--base", "main")

    assert "revision-unreadable" in ended.err


def test_a_comparison_is_not_applied(hw: Hw, repository: Path, project: Path) -> None:
    write_files(project, {"models/revenue.sql": RENAMED})
    document = hw("plan", "--base", "main", "--output", "json").out
    (project / "plan.json").write_text(document, encoding="utf-8")

    kept = hw("plan", "--base", "main", "-o", "other.json")
    applied = hw("apply", "plan.json", "--output", "json")

    assert kept.code == 2
    assert applied.codes == ["HW8011"]
    assert json.loads(document)["steps"]


def test_all_forms_are_of_one_plan(hw: Hw, repository: Path, project: Path) -> None:
    write_files(project, {"models/revenue.sql": RENAMED})
    forms = {"json": "p.json", "github": "p.md", "sarif": "p.sarif", "text": "p.txt"}
    also = [word for form, file in forms.items() for word in ("--also", f"{form}={file}")]

    ended = hw("plan", "--base", "main", *also, "--output", "json")

    assert ended.document == json.loads((project / "p.json").read_text(encoding="utf-8"))
    assert (project / "p.md").read_text(encoding="utf-8").startswith("<!-- headwater-plan")
    assert json.loads((project / "p.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert (project / "p.txt").read_text(encoding="utf-8").startswith("Compared with main @")


@pytest.mark.parametrize("also", ["comment.md", "html=x", "github=", "=x"])
def test_a_further_form_that_is_none_is_a_fault_of_usage(hw: Hw, also: str) -> None:
    ended = hw("plan", "--also", also)

    assert ended.code == 2
    assert "usage-invalid" in ended.err


CONSUMERS = """\
consumers:
  - {name: pricing, kind: job, reads: [{table: stg_orders}]}
  - name: board@2
    kind: dashboard
    owner: "@finance"
    reads: [{table: revenue, columns: [revenue]}]
"""


def test_consumers_of_headwater_yml_break_with_their_line_and_owner(
    hw: Hw, repository: Path, project: Path
) -> None:
    write_files(project, {"models/revenue.sql": RENAMED, "headwater.yml": CONSUMERS})

    ended = hw("plan", "--base", "main", "--output", "json")

    [finding] = [
        each for each in ended.document["diagnostics"] if each["name"] == "consumer-broken"
    ]
    [[place, _]] = finding["related"]
    assert "`board@2` expects revenue; revenue is renamed to turnover" in finding["what"]
    assert "owner: @finance" in finding["why"]
    assert (place["file"], place["line"]) == ("headwater.yml", 3)


def test_a_check_finds_consumers_of_nothing(hw: Hw, project: Path) -> None:
    write_files(project, {"headwater.yml": CONSUMERS.replace("table: revenue", "table: gone")})

    ended = hw("check", "--output", "json")

    assert ended.codes == ["HW3052"]
    assert ended.document["diagnostics"][0]["where"]["line"] == 3


def test_a_consumer_that_cannot_be_meant_stops_the_plan(hw: Hw, project: Path) -> None:
    write_files(project, {"headwater.yml": CONSUMERS.replace("kind: job", "kind: robot")})

    ended = hw("plan", "--output", "json")

    assert ended.codes == ["HW3053"]
    assert ended.document["diagnostics"][0]["where"]["line"] == 2


def test_folders_of_the_revision_are_named_as_those_of_the_checkout(
    hw: Hw, repository: Path, project: Path
) -> None:
    text = (project / "dbt_project.yml").read_text(encoding="utf-8")
    folders = "\nmodel-paths: [\"{{ env_var('MODELS', 'models') }}\"]\n"
    write_files(project, {"dbt_project.yml": text + folders})
    git(repository, "commit", "-qam", "name the folder of models by a variable")

    ended = hw("plan", "--base", "HEAD")

    assert ended.out.startswith("Nothing to do")


def test_seeds_of_the_revision_have_the_columns_that_they_had(
    hw: Hw, repository: Path, project: Path
) -> None:
    write_files(project, {"models/stg_orders.sql": "select * from {{ ref('raw_orders') }}"})
    git(repository, "commit", "-qam", "take all columns")
    rows = "order_id,customer,amount\n1,ada,10\n"
    write_files(project, {"seeds/raw_orders.csv": rows})

    ended = hw("plan", "--base", "main", "--output", "json")

    lines = [line for each in ended.document["changes"] for line in each["lines"]]
    assert "column amount: DOUBLE -> INTEGER" in lines
