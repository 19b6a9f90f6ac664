"""Folders that DuckDB spills into: one an instance, named after its process.

A killed process cannot remove its folder, and what it spilled may be gigabytes; so whoever opens
an engine next on the same machine removes the folders of processes that are gone.
"""

import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from headwater.base.errors import Invalid

_NAME = re.compile(r"headwater-spill-(?P<process>\d+)-\w+")


def make_spill_folder(parent: str | None) -> Path:
    """Make a folder for one instance of this process.

    Raises:
        Invalid: ``engine-setting-invalid``, when it cannot be made.
    """
    try:
        if parent:
            Path(parent).mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"headwater-spill-{os.getpid()}-", dir=parent))
    except OSError as error:
        raise Invalid(
            "engine-setting-invalid",
            f"cannot make a folder for spilling in `{parent or tempfile.gettempdir()}`",
            why=str(error),
            fix="set `temp_directory` in the profile to a folder that can be written",
        ) from error


def sweep_spill_folders(parent: str | None) -> None:
    """Remove the folders of processes that are gone; leave what cannot be removed."""
    with suppress(OSError):
        for folder in Path(parent or tempfile.gettempdir()).glob("headwater-spill-*"):
            named = _NAME.fullmatch(folder.name)
            if named is not None and not _is_running(int(named["process"])):
                shutil.rmtree(folder, ignore_errors=True)


def _is_running(process: int) -> bool:
    if os.name != "posix":
        return True  # asking is not harmless there: signal 0 is Ctrl-C on Windows
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
