"""Spill folders of killed processes are removed, those of living ones are not."""

import os
import subprocess
import sys
from pathlib import Path

from headwater.engines.duckdb.spill import make_spill_folder, sweep_spill_folders


def test_only_folders_of_dead_processes_are_swept(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead = tmp_path / f"headwater-spill-{gone.pid}-abc"
    dead.mkdir()
    (dead / "duckdb_temp_storage.tmp").write_bytes(b"x" * 1000)
    foreign = tmp_path / "headwater-spill-notes"
    foreign.mkdir()
    mine = make_spill_folder(str(tmp_path))

    sweep_spill_folders(str(tmp_path))

    assert sorted(tmp_path.iterdir()) == sorted([mine, foreign])
    assert f"-{os.getpid()}-" in mine.name
