"""Whole commands, called as a user does: in this process where possible, else in their own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.main import run

SOURCE = str(Path(__file__).parents[2] / "src")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def codes(self) -> list[str]:
        return [diagnostic["code"] for diagnostic in self.document["diagnostics"]]


Hw = Callable[..., Ended]


@pytest.fixture
def hw(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Hw:
    """Call ``hw`` in the project's folder."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("HOME", str(project.parent))
    for name in list(os.environ):
        if name.startswith(("DBT_", "HEADWATER_")):
            monkeypatch.delenv(name)

    def call(*arguments: str) -> Ended:
        capsys.readouterr()
        code = run(list(arguments))
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return call


def start(project: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start ``hw`` as a process of its own in the project's folder."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DBT_", "HEADWATER_"))
    }
    return subprocess.Popen(
        [sys.executable, "-m", "headwater", *arguments],
        cwd=project,
        env={**environment, "PYTHONPATH": SOURCE, "HOME": str(project.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


FILES = {
    "dbt_project.yml": """\
name: shop
version: "1.0"
config-version: 2
models:
  shop:
    +materialized: table
""",
    "seeds/raw_orders.csv": """\
order_id,customer,amount
1,ada,10.5
2,grace,4.0
3,ada,2.5
""",
    "models/stg_orders.sql": """\
{{ config(materialized='view') }}
select order_id, customer, cast(amount as decimal(12, 2)) as amount
from {{ ref('raw_orders') }}
""",
    "models/revenue.sql": """\
select customer, sum(amount) as revenue, count(*) as orders
from {{ ref('stg_orders') }}
group by customer
""",
    "models/schema.yml": """\
version: 2
models:
  - name: stg_orders
    columns:
      - name: order_id
        data_tests: [unique, not_null]
  - name: revenue
    columns:
      - name: customer
        data_tests: [unique, not_null]
exposures:
  - name: board
    type: dashboard
    owner: {name: ada, email: ada@example.com}
    depends_on: [ref('revenue')]
""",
}


def write_files(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a small project: a seed, a view, a table, four tests, an exposure."""
    folder = tmp_path / "shop"
    write_files(folder, FILES)
    return folder


RENAMED = """\
select customer, sum(amount) as turnover, count(*) as orders
from {{ ref('stg_orders') }}
group by customer
"""


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.com", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(project: Path) -> Path:
    """Make the project a folder of a repository with one commit, `main`."""
    top = project.parent
    write_files(top, {".gitignore": ".headwater/\ntarget/\ndbt_packages/\n.cache/\n"})
    git(top, "init", "-q", "-b", "main")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "first")
    return top
