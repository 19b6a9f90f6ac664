"""What stands in for options that were not given: environment variables, `.env`, `flags:`.

The process's own variables win over those of a `.env` file, as in dbt 1.12, and options on the
command line win over all. Nothing is written back into the process.
"""

import os
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from headwater.base.codec import Json
from headwater.base.errors import Invalid

ENV_FILE = ".env"
_PROJECT_FILE = "dbt_project.yml"
_ENGINE = "DBT_ENGINE_"
_BY_VARIABLE: Mapping[str, tuple[str, ...]] = {
    "full_refresh": ("DBT_FULL_REFRESH",),
    "fail_fast": ("DBT_FAIL_FAST",),
    "indirect_selection": ("DBT_INDIRECT_SELECTION",),
    "resource_type": ("DBT_RESOURCE_TYPES",),
    "exclude_resource_type": ("DBT_EXCLUDE_RESOURCE_TYPES",),
    "state": ("DBT_STATE", "DBT_ARTIFACT_STATE_PATH"),
    "defer": ("DBT_DEFER", "DBT_DEFER_TO_STATE"),
    "defer_state": ("DBT_DEFER_STATE",),
    "favor_state": ("DBT_FAVOR_STATE", "DBT_FAVOR_STATE_MODE"),
    "empty": ("DBT_EMPTY",),
    "sample": ("DBT_SAMPLE",),
    "store_failures": ("DBT_STORE_FAILURES",),
    "event_time_start": ("DBT_EVENT_TIME_START",),
    "event_time_end": ("DBT_EVENT_TIME_END",),
}
"""Options of commands by the variables that set them; settings have theirs in `base.settings`."""
_LISTS = frozenset({"resource_type", "exclude_resource_type"})
_BY_PROJECT = ("fail_fast", "indirect_selection")
_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.]*)[ \t]*=[ \t]*"
    r"(?:'(?P<plain>[^']*)'|\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<bare>[^\n]*?))"
    r"[ \t]*(?:(?<=[\s'\"])#[^\n]*)?$",
    re.MULTILINE,
)
_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}")
_ESCAPED: Mapping[str, str] = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def read_environment() -> dict[str, str]:
    """Read the process's environment, and beside it the nearest `.env` file.

    Raises:
        Invalid: ``file-unreadable``: the `.env` file is not UTF-8 text, or may not be opened.
    """
    own = dict(os.environ)  # noqa: TID251 - the shell reads the environment
    file = _nearest(Path.cwd())
    beside = parse_env_file(_text_of(file), own) if file else {}
    return {**with_engine_names(beside), **with_engine_names(own)}


def _nearest(folder: Path) -> Path | None:
    """Find `.env` in a folder, or in the next one above that has it, as dbt does."""
    for each in (folder, *folder.parents):
        if (each / ENV_FILE).is_file():
            return each / ENV_FILE
    return None


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise Invalid(
            "file-unreadable",
            f"`{file}` cannot be read: {error}",
            why="variables of the environment may stand in it",
            fix="save it as UTF-8 text, or correct its permissions",
        ) from error


def parse_env_file(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Read lines of ``NAME=value``.

    Values may stand in quotes; in all but single ones ``${NAME}`` and ``${NAME:-default}`` stand
    for variables set before. What is no such line is left out, as in dbt.

    Args:
        text: The file.
        environment: Variables that are set already, and win.
    """
    found: dict[str, str] = {}
    for match in _LINE.finditer(text.replace("\r\n", "\n")):
        if match["plain"] is not None:
            value = match["plain"]
        else:
            written = match["quoted"]
            value = _unescaped(written) if written is not None else match["bare"]
            known = {**found, **environment}
            value = _REFERENCE.sub(partial(_referred, known), value)
        found[match["name"]] = value
    return found


def _referred(known: Mapping[str, str], match: re.Match[str]) -> str:
    return known.get(match["name"]) or match["default"] or ""


def _unescaped(written: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[1], found[0]), written)


def with_engine_names(environment: Mapping[str, str]) -> dict[str, str]:
    """Let dbt's newer names ``DBT_ENGINE_X`` stand for ``DBT_X``; where both are set, they win."""
    newer = {
        f"DBT_{name.removeprefix(_ENGINE)}": value
        for name, value in environment.items()
        if name.startswith(_ENGINE)
    }
    return {**environment, **newer}


def option_values(environment: Mapping[str, str], project_dir: str) -> dict[str, object]:
    """Return values of options that the environment or the project's ``flags:`` set.

    Args:
        environment: From ``read_environment``.
        project_dir: Folder given on the command line; empty when none is.
    """
    named = project_dir or environment.get("HEADWATER_PROJECT_DIR")
    folder = Path(named or environment.get("DBT_PROJECT_DIR") or ".")
    return {**dict(_project_flags(folder)), **dict(_variables(environment))}


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    for option, names in _BY_VARIABLE.items():
        value = next((environment[name] for name in names if environment.get(name)), None)
        if value is not None:
            yield option, value.split() if option in _LISTS else value


def _project_flags(folder: Path) -> Iterator[tuple[str, object]]:
    try:
        text = (folder / _PROJECT_FILE).read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return  # reading the project says so
    if "\nflags:" not in text:
        return  # parsing YAML takes longer than many a command
    flags = _flags_of(text)
    for option in _BY_PROJECT:
        if flags.get(option) is not None and "{{" not in str(flags[option]):
            yield option, flags[option]


def _flags_of(text: str) -> Mapping[str, Json]:
    from headwater.project.yaml_text import YamlFile, read_yaml

    loaded = read_yaml(_PROJECT_FILE, text)
    content = loaded.content if isinstance(loaded, YamlFile) else None
    flags = content.get("flags") if isinstance(content, dict) else None
    return flags if isinstance(flags, dict) else {}
