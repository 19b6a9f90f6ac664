"""hw clean: what it must never remove."""

from pathlib import Path

import pytest

from headwater.base.errors import Denied
from headwater.runs.recover import clean_folders


@pytest.mark.parametrize("name", ["..", ".", "/", "models", "target/../models", "other/../.."])
def test_folders_outside_and_those_with_files_of_the_project_are_kept(
    tmp_path: Path, name: str
) -> None:
    root = tmp_path / "shop"
    for folder in ("models", "target"):
        (root / folder).mkdir(parents=True)

    with pytest.raises(Denied) as refused:
        clean_folders(root, ["target", name], dry_run=False, kept=("models",))

    assert refused.value.code == "clean-refused"
    assert (root / "target").is_dir()


def test_a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    (tmp_path / "other").mkdir()
    (root / "target").symlink_to(tmp_path / "other")

    with pytest.raises(Denied):
        clean_folders(root, ["target"], dry_run=False)

    assert (tmp_path / "other").is_dir()


def test_folders_that_are_not_there_are_nothing_to_remove(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()

    removed = clean_folders(tmp_path, ["target", "dbt_packages"], dry_run=False)

    assert removed == ("target",)
    assert not (tmp_path / "target").exists()
