"""A DuckDB engine, a session of it, and a table."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines.tables import Table

from headwater.engines.engine import Engine, EngineSettings, Session
from headwater.engines.registry import open_engine


@pytest.fixture(scope="module")
def project_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def engine(project_root: Path) -> Iterator[Engine]:
    """One engine a module: its sessions are used again, as in a run."""
    engine = open_engine(
        EngineSettings(
            kind="duckdb", threads=2, memory_limit_bytes=2**30, project_root=str(project_root)
        )
    )
    yield engine
    engine.close()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    session = engine.open_session(catalog="shop", schema="main")
    yield session
    session.close()


@pytest.fixture
def table(session: Session, tmp_path: Path) -> Table:
    return Table(session=session, root=tmp_path / "t")
