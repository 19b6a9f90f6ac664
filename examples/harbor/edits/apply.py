"""Copies one prepared edit over the project: ``python edits/apply.py tempting|repair``.

It is here so that the tour and the tests make the same change to the same files. `tempting` makes
a merge cheaper by losing late rows, narrows and renames what others read, drops a filter, and adds
a harmless model; `repair` keeps the harmless part and takes back the rest.
"""

import argparse
import shutil
from pathlib import Path

EDITS = Path(__file__).parent


def apply(name: str, project_dir: Path) -> list[Path]:
    """Copy the files of edit ``name`` over ``project_dir``; return the paths written, sorted."""
    folder = EDITS / name
    written = []
    for source in sorted(file for file in folder.rglob("*") if file.is_file()):
        target = project_dir / source.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        written.append(target)
    return written


def main() -> None:
    """Apply the edit that the command line names and list the files."""
    parser = argparse.ArgumentParser(description="Apply a prepared edit to the harbor project.")
    parser.add_argument("name", choices=["tempting", "repair"])
    parser.add_argument("--project-dir", type=Path, default=EDITS.parent)
    arguments = parser.parse_args()
    for path in apply(arguments.name, arguments.project_dir):
        print(f"{arguments.name}: {path.relative_to(arguments.project_dir)}")


if __name__ == "__main__":
    main()
