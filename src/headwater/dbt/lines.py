"""Events as lines: dbt's text, debug and JSON formats, to the terminal and to ``dbt.log``.

The one place where an event becomes a line, for the command line and for ``dbtRunner`` alike.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TextIO, cast, get_args

from headwater.base.errors import Invalid
from headwater.dbt.events import EventMsg, secrets_of, without_secrets

LineFormat = Literal["text", "debug", "json"]
Level = Literal["debug", "info", "warn", "error", "none"]

_RANKS: Mapping[str, int] = MappingProxyType(
    {"debug": 0, "info": 1, "warn": 2, "error": 3, "none": 4}
)
_ASKED_FOR = frozenset({"PrintEvent", "ShowNode", "CompiledNode"})
"""Events that are the answer to the command: they are written even when it shall be quiet."""
_BYTES_MAX = 10 * 1024 * 1024
_OLDER_FILES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """How the lines shall be.

    Attributes:
        format: Of the terminal; None when no lines were asked for.
        level: Least level on the terminal.
        format_file: Of the file.
        level_file: Least level in the file.
        folder: Where ``dbt.log`` is written; None when no file was asked for.
        bytes_max: Size from which the file is put aside and begun anew; 0 for any size.
    """

    format: LineFormat | None = None
    level: Level = "info"
    format_file: LineFormat = "debug"
    level_file: Level = "debug"
    folder: Path | None = None
    bytes_max: int = _BYTES_MAX


def line_options(given: Mapping[str, str], environment: Mapping[str, str]) -> LineOptions:
    """Read how lines shall be, from a command line and, behind it, the environment.

    Args:
        given: Words of the options by their names in dbt: ``log-format``, ``quiet`` ...
        environment: Variables named as dbt's: ``DBT_LOG_FORMAT`` ...

    Raises:
        Invalid: ``usage-invalid``, for a format or level that dbt has not.
    """
    asked = {**_of_environment(environment), **given}
    format_ = _one_of("log-format", asked.get("log-format"), get_args(LineFormat))
    level = _one_of("log-level", asked.get("log-level"), get_args(Level)) or "info"
    level_file = _one_of("log-level-file", asked.get("log-level-file"), get_args(Level))
    format_file = _one_of("log-format-file", asked.get("log-format-file"), get_args(LineFormat))
    if asked.get("debug"):
        level = "debug"
    if asked.get("quiet"):
        level = "error"
    # As in dbt, what is asked of the terminal holds for the file, too, until that is asked for.
    format_file, level_file = format_file or format_, level_file or asked.get("log-level")
    folder = asked.get("log-path")
    wants_file = folder or {"log-format-file", "log-level-file"} & set(asked)
    return LineOptions(
        format=cast("LineFormat | None", format_),
        level=cast("Level", level),
        format_file=cast("LineFormat", format_file or "debug"),
        level_file=cast("Level", level_file or "debug"),
        folder=Path(folder or "logs") if wants_file and level_file != "none" else None,
        bytes_max=_whole(asked.get("log-file-max-bytes")),
    )


def _of_environment(environment: Mapping[str, str]) -> dict[str, str]:
    names = ("log-format", "log-level", "log-path", "log-format-file", "log-level-file",
             "log-file-max-bytes")  # fmt: skip
    found = {}
    for name in names:
        variable = name.upper().replace("-", "_")
        value = environment.get(f"DBT_ENGINE_{variable}") or environment.get(f"DBT_{variable}")
        if value:
            found[name] = value
    for name in ("quiet", "debug"):
        if environment.get(f"DBT_{name.upper()}", "").lower() in {"1", "t", "true", "y", "yes"}:
            found[name] = "true"
    return found


def _one_of(option: str, value: str | None, words: tuple[str, ...]) -> str | None:
    if value is None or value.lower() in words:
        return None if value is None else value.lower()
    if value.lower() == "default" and option.startswith("log-format"):
        return None
    fix = f"it is one of {', '.join(words)}"
    raise Invalid("usage-invalid", f"`--{option} {value}` is not known", fix=fix)


def _whole(value: str | None) -> int:
    if value is None:
        return _BYTES_MAX
    if not value.isascii() or not value.isdigit():
        fix = "give a number of bytes"
        raise Invalid("usage-invalid", f"`--log-file-max-bytes {value}` is no number", fix=fix)
    return int(value)


def line_of(event: EventMsg, format_: LineFormat) -> str:
    """Write one event as a line (text may have several)."""
    info = event.info
    match format_:
        case "json":
            return json.dumps(event.to_dict(), sort_keys=True, default=str)
        case "debug":
            begin = f"\n\n{'=' * 30} {info.ts[11:-1]} | {info.invocation_id} {'=' * 30}\n"
            head = begin if info.name == "MainReportVersion" else ""
            return f"{head}{info.ts[11:-1]} [{info.level:<5}] [{info.thread[:10]:<10}]: {info.msg}"
        case "text":
            return info.msg if info.name in _ASKED_FOR else f"{info.ts[11:19]}  {info.msg}"


class Lines:
    """Listens to a command's events and writes them where they are wanted.

    Values of environment variables that begin with ``DBT_ENV_SECRET`` are never written.
    """

    def __init__(
        self, options: LineOptions, environment: Mapping[str, str], stream: TextIO | None = None
    ) -> None:
        """Begin the file, when one is wanted.

        Raises:
            Invalid: ``usage-invalid``, when the file cannot be written.
        """
        self._options = options
        self._stream = stream
        self._secrets = secrets_of(environment)
        self._file = None if options.folder is None else _begin(options.folder, options.bytes_max)

    def __call__(self, event: EventMsg) -> None:
        """Write one event."""
        options = self._options
        if options.format is not None and _is_wanted(event, options.level):
            # Looked up each time: a program may catch what is printed.
            _write(self._stream or sys.stdout, self._line(event, options.format))
        if self._file is not None and _is_wanted(event, options.level_file):
            _write(self._file, self._line(event, options.format_file))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _line(self, event: EventMsg, form: LineFormat) -> str:
        return without_secrets(line_of(event, form), self._secrets)


def _is_wanted(event: EventMsg, level: Level) -> bool:
    if level == "none":
        return False
    return event.info.name in _ASKED_FOR or _RANKS[event.info.level] >= _RANKS[level]


def _write(stream: TextIO, line: str) -> None:
    with suppress(BrokenPipeError):  # a reader that has gone must not end what is being done
        stream.write(line + "\n")
        stream.flush()


def _begin(folder: Path, bytes_max: int) -> TextIO:
    path = folder / "dbt.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if bytes_max and path.exists() and path.stat().st_size >= bytes_max:
            _put_aside(path)
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise Invalid(
            "usage-invalid",
            f"the log `{path}` cannot be written",
            why=error.strerror or str(error),
            fix="choose a folder with --log-path",
        ) from error


def _put_aside(path: Path) -> None:
    """Give a full log the next number, and those before it likewise; the oldest is lost."""
    for number in range(_OLDER_FILES - 1, 0, -1):
        with suppress(FileNotFoundError):
            Path(f"{path}.{number}").replace(f"{path}.{number + 1}")
    path.replace(f"{path}.1")
