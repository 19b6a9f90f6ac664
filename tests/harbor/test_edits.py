"""The prepared edits of the harbor: the repair takes the harm back and keeps the rest."""

import runpy
import shutil
from pathlib import Path

import pytest

HARBOR = Path(__file__).parents[2] / "examples" / "harbor"
EDITS = HARBOR / "edits"


def files_of(edit: str) -> dict[str, str]:
    folder = EDITS / edit
    return {
        file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8")
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_repair_is_the_shipped_project_and_the_new_model() -> None:
    repair = files_of("repair")

    new = sorted(path for path in repair if not (HARBOR / path).exists())
    changed = [
        path
        for path, text in repair.items()
        if path not in new and text != (HARBOR / path).read_text(encoding="utf-8")
    ]

    assert new == ["models/marts/dim_region.sql", "models/marts/dim_region.yml"]
    assert changed == []


def test_tempting_changes_what_repair_restores() -> None:
    tempting, repair = files_of("tempting"), files_of("repair")

    differing = sorted(path for path in tempting if tempting[path] != repair.get(path))

    assert sorted(tempting) == sorted(repair)
    assert differing == [
        "models/marts/fct_container_moves.sql",
        "models/marts/port_day_activity.sql",
        "models/marts/revenue_by_carrier.sql",
        "models/staging/stg_invoices.sql",
    ]


@pytest.mark.parametrize("edit", ["tempting", "repair"])
def test_an_edit_is_copied_over_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    project = tmp_path / "harbor"
    shutil.copytree(HARBOR, project, ignore=shutil.ignore_patterns(".headwater", "target"))
    arguments = ["apply.py", edit, "--project-dir", str(project)]
    monkeypatch.setattr("sys.argv", arguments)

    runpy.run_path(str(project / "edits" / "apply.py"), run_name="__main__")

    for path, text in files_of(edit).items():
        assert (project / path).read_text(encoding="utf-8") == text
