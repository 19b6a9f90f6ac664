"""dbt-core with dbt-duckdb in environments of their own, to be measured beside Headwater.

They are apart so that a peer never shares site-packages with what it is compared with. 1.11.16 is
the newest that installs from PyPI alone. 1.12 asks for a parser that its source distribution
downloads from elsewhere; an empty package of that name lets it be installed, and its own parser
be measured. Of 2.x, 2.0.0a4 is the last whose wheel holds the program.
"""

import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path

PACKAGES = ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", "duckdb==2.0.0")
PACKAGES_12 = ("dbt-core==1.12.6", "dbt-duckdb==1.11.1", "duckdb==2.0.0")
PACKAGES_2 = ("dbt-core==2.0.0a4",)
_STUB = """[project]
name = "dbt-core-experimental-parser"
version = "2.0.0rc9"

[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
packages = []
"""
NAMES = ("dbt-core", "dbt-duckdb", "duckdb")
QUIET = {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
"""Environment of every call: a benchmark must not measure telemetry, nor send any."""


def install(folder: Path, packages: Sequence[str] = PACKAGES) -> Path:
    """Make the environment in ``folder`` unless it is there; return its ``bin``."""
    programs = folder / "bin"
    if not (programs / "dbt").exists():
        venv.create(folder, with_pip=True)
        pip = [programs / "python", "-m", "pip", "install", "--quiet"]
        if packages is PACKAGES_12:
            stub = folder / "stub"
            stub.mkdir()
            (stub / "pyproject.toml").write_text(_STUB, encoding="utf-8")
            subprocess.run([*pip, stub], check=True)
        subprocess.run([*pip, *packages], check=True)
    return programs


def write_profile(folder: Path, *, profile: str, database: Path, threads: int) -> None:
    """Write a profiles.yml for dbt-duckdb whose catalog is the database file's name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profiles.yml").write_text(
        f"{profile}:\n"
        "  target: dev\n"
        "  outputs:\n"
        f"    dev: {{type: duckdb, path: '{database}', threads: {threads}}}\n",
        encoding="utf-8",
    )
