"""Writes the suite of dbt-tests-adapter as an adapter has it: a class for each base class.

Run by functional.py with a Python that has dbt-tests-adapter: ``python adapter_classes.py FOLDER``.
"""

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import dbt.tests.adapter

CONFTEST = 'pytest_plugins = ["dbt.tests.fixtures.project"]\n'


def classes_of(module: ModuleType) -> Iterator[str]:
    """Find the classes with tests that no other class of the module completes."""
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    ]
    tested = [each for each in own if any(name.startswith("test_") for name in dir(each))]
    for each in tested:
        if not any(other is not each and issubclass(other, each) for other in tested):
            yield each.__name__


def write_suite(folder: Path) -> None:
    """Write one file of tests for each module of base classes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    top = Path(next(iter(dbt.tests.adapter.__path__)))
    for file in sorted(top.rglob("*.py")):
        parts = file.relative_to(top).with_suffix("").parts
        module = importlib.import_module(".".join(("dbt.tests.adapter", *parts)))
        names = list(classes_of(module))
        if names:
            place = folder / f"adapter_{parts[0]}" / f"test_{'_'.join(parts[1:])}.py"
            place.parent.mkdir(exist_ok=True)
            text = [f"import {module.__name__} as base\n"]
            text += [f"class Test{name}(base.{name}):\n    pass\n" for name in names]
            place.write_text("\n".join(text), encoding="utf-8")
            _copy_data(file.parent, place.parent)


def _copy_data(source: Path, folder: Path) -> None:
    """Copy what the tests read beside themselves."""
    for file in source.iterdir():
        if file.is_dir() and file.name == "data":
            shutil.copytree(file, folder / file.name, dirs_exist_ok=True)
        elif file.suffix in {".csv", ".sql"}:
            shutil.copy(file, folder)


if __name__ == "__main__":
    write_suite(Path(sys.argv[1]))
