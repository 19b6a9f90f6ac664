"""Files that a command line names: read and written with a finding that names the file.

The project's own files have their own reader; these are the ones given as arguments.
"""

import errno
from pathlib import Path

from headwater.base.errors import Denied, HeadwaterError, Invalid, NotFound, Unavailable


def read_file(path: Path) -> str:
    """Read a text file that was named on the command line.

    Raises:
        HeadwaterError: ``file-unusable``, ``disk-full``.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(
            "file-unusable", f"`{path}` is not UTF-8 text", why=str(error), fix="save it as UTF-8"
        ) from error
    except OSError as error:
        raise fault_of(error, path, "read") from error


def write_file(path: Path, text: str) -> None:
    """Write a text file that was named on the command line.

    Raises:
        HeadwaterError: ``file-unusable``, ``disk-full``.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise fault_of(error, path, "written") from error


def fault_of(error: OSError, path: Path | str, done: str) -> HeadwaterError:
    """Say what the operating system refused.

    Args:
        error: What it raised.
        path: The file.
        done: What was tried, as in "cannot be ...".
    """
    what, why = f"`{path}` cannot be {done}", error.strerror or str(error)
    match error.errno:
        case errno.ENOENT if done == "read":
            return NotFound(
                "file-unusable", what, why="there is no such file", fix="check the path"
            )
        case errno.ENOENT:
            fix = f"make the folder first: mkdir -p {Path(path).parent}"
            return NotFound("file-unusable", what, why="its folder does not exist", fix=fix)
        case errno.EISDIR:
            return Invalid("file-unusable", what, why="it is a folder", fix="name a file in it")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return Denied("file-unusable", what, why=why, fix="look at the permissions of the file")
        case errno.ENOSPC | errno.EDQUOT:
            return Unavailable("disk-full", what, why=why, fix="free some space and try again")
        case _:
            return Invalid("file-unusable", what, why=why, fix="name a file that can be used")
