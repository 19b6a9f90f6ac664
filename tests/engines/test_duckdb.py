"""DuckDB passes what every engine must do."""

from headwater.engines.engine import Engine, EngineSettings
from headwater.engines.registry import open_engine
from headwater.testing.engine_suite import EngineSuite


class TestDuckDB(EngineSuite):
    def make_engine(self, settings: EngineSettings) -> Engine:
        return open_engine(
            EngineSettings(
                kind="duckdb",
                threads=settings.threads,
                memory_limit_bytes=settings.memory_limit_bytes,
                project_root=settings.project_root,
            )
        )
