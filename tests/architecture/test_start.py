"""Starting stays cheap: what `hw --help` may import, counted and by name."""

import os
import subprocess
import sys
from pathlib import Path

FORBIDDEN = {
    "alembic", "asyncio", "deltalake", "duckdb", "importlib.metadata", "jinja2", "obstore",
    "pyarrow", "pydantic", "rich", "sqlalchemy", "sqlglot", "sqlite3", "starlette", "yaml",
}  # fmt: skip
MODULES_MAX = 160
"""Measured 116 with click 8.5 on Python 3.11; room for other versions."""

SOURCE = str(Path(__file__).parents[2] / "src")


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )


PROGRAM = """
import sys
from headwater.cli.main import run
run(["--help"])
print("\\n".join(sys.modules), file=sys.stderr)
"""


def test_help_imports_nothing_heavy() -> None:
    modules = set(run_python(PROGRAM).stderr.split())

    assert modules & FORBIDDEN == set()
    assert len(modules) <= MODULES_MAX


def test_importing_the_package_imports_none_of_its_rooms() -> None:
    program = "import sys, headwater; print(*[m for m in sys.modules if m.startswith('headwater')])"

    assert run_python(program).stdout.split() == ["headwater"]


def test_reading_a_project_imports_no_sql_parser_and_no_driver() -> None:
    program = "import sys, headwater.reader; print(*sys.modules)"

    modules = set(run_python(program).stdout.split())

    assert modules & {"sqlglot", "deltalake", "obstore", "duckdb", "sqlite3"} == set()
    floors = {name.split(".")[1] for name in modules if name.startswith("headwater.")}
    assert floors & {"lake", "engines", "catalog", "plan"} == set()


def test_giving_a_kept_answer_imports_neither_jinja_nor_yaml() -> None:
    program = "import sys, headwater.cli.parse, headwater.cli.ls; print(*sys.modules)"

    modules = set(run_python(program).stdout.split())

    assert modules & FORBIDDEN == set()
    assert "headwater.reader" not in modules
