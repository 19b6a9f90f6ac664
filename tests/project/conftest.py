"""Projects written by a test, file by file, and read."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater.base.codec import Json
from headwater.base.ids import NodeId
from headwater.project.files import read_files
from headwater.project.node import Node
from headwater.project.options import ReadOptions, Target
from headwater.project.profiles import make_default_target
from headwater.project.project import Project, ProjectResult
from headwater.project.read import read_project

Read = Callable[..., ProjectResult]

PROJECT_FILE = "name: shop\nversion: '1.0'\n"


def options(
    target: Target | None = None,
    variables: Mapping[str, Json] | None = None,
    environment: Mapping[str, str] | None = None,
) -> ReadOptions:
    return ReadOptions(
        target=target or make_default_target("shop"),
        vars=variables or {},
        environment=environment or {},
        started_at=datetime(2026, 1, 2, tzinfo=UTC),
        invocation_id="i",
    )


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def project_of(result: ProjectResult) -> Project:
    assert result.project is not None, result.diagnostics
    return result.project


def node_of(result: ProjectResult, unique_id: str) -> Node:
    return project_of(result).nodes[NodeId(unique_id)]


def found(result: ProjectResult) -> list[tuple[str, str]]:
    return [(item.name, str(item.where)) for item in result.diagnostics]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def run(
        files: Mapping[str, str],
        *,
        target: Target | None = None,
        variables: Mapping[str, Json] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> ProjectResult:
        write(tmp_path, {"dbt_project.yml": PROJECT_FILE, **files})
        return read_project(read_files(tmp_path), options(target, variables, environment))

    return run
