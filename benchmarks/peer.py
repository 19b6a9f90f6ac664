"""dbt-core with dbt-duckdb in an environment of its own, to be measured beside Headwater.

It is apart so that the peer never shares site-packages with what it is compared with. The version
is the newest that installs from PyPI alone: 1.12 downloads wheels from elsewhere while it builds.
"""

import subprocess
import venv
from pathlib import Path

PACKAGES = ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", "duckdb==2.0.0")
NAMES = ("dbt-core", "dbt-duckdb", "duckdb")
QUIET = {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
"""Environment of every call: a benchmark must not measure telemetry, nor send any."""


def install(folder: Path) -> Path:
    """Make the environment in ``folder`` unless it is there; return its ``bin``."""
    programs = folder / "bin"
    if not (programs / "dbt").exists():
        venv.create(folder, with_pip=True)
        subprocess.run(
            [programs / "python", "-m", "pip", "install", "--quiet", *PACKAGES], check=True
        )
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
