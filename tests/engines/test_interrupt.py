"""An interrupted write ends: DuckDB 2.0.0's own asynchronous writes do not always let it."""

import threading
import time
from pathlib import Path

import pytest

from headwater.base.errors import HeadwaterError
from headwater.engines.engine import Destination, EngineSettings, Session, WriteAll
from headwater.engines.registry import open_engine

QUERY = "select i, md5(i::varchar) as h from range(20000000) t(i)"


def write(session: Session, place: Destination, ended: threading.Event) -> None:
    try:
        session.write(QUERY, WriteAll(), place)
    except HeadwaterError:
        ended.set()


@pytest.mark.slow
def test_forty_interrupted_writes_all_end(tmp_path: Path) -> None:
    engine = open_engine(EngineSettings(kind="duckdb", threads=1))
    for attempt in range(40):
        session = engine.open_session(catalog="c", schema="s")
        ended = threading.Event()

        place = Destination(root=str(tmp_path / "t"), prefix=f"run-{attempt}")
        threading.Thread(target=write, args=(session, place, ended), daemon=True).start()
        time.sleep(0.15 + 0.03 * (attempt % 20))

        session.interrupt()

        assert ended.wait(20), f"attempt {attempt} hangs"
        session.close()
    engine.close()
