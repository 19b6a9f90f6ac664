"""The only door to engines: a name from the profile becomes an open engine.

Adapters are imported here and only when asked for, so that a command that runs nothing does not
pay for a driver.
"""

import difflib
from collections.abc import Callable
from types import MappingProxyType

from headwater.base.errors import Invalid
from headwater.engines.engine import Engine, EngineSettings


def open_engine(settings: EngineSettings) -> Engine:
    """Open the engine that ``settings.kind`` names.

    Raises:
        Invalid: ``engine-unknown``; ``engine-extra-missing`` with the line that installs it.
    """
    opener = _OPENERS.get(settings.kind.lower())
    if opener is None:
        raise _unknown(settings.kind)
    return opener(settings)


def engine_kinds() -> tuple[str, ...]:
    """Return the names of all engines."""
    return tuple(_OPENERS)


def _open_duckdb(settings: EngineSettings) -> Engine:
    try:
        from headwater.engines.duckdb.engine import DuckDBEngine
    except ModuleNotFoundError as error:
        raise missing_extra("duckdb", error, "pip install 'duckdb>=2.0,<2.1'") from error
    if settings.storage_options is None:
        return DuckDBEngine(settings)
    try:
        from headwater.engines.duckdb.objects import object_files
    except ModuleNotFoundError as error:
        raise missing_extra("duckdb", error, "pip install 'fsspec>=2025.3'") from error
    return DuckDBEngine(settings, object_files(settings.storage_options))


def missing_extra(kind: str, error: ModuleNotFoundError, install: str) -> Invalid:
    """Say which package an engine lacks and how to install it."""
    return Invalid(
        "engine-extra-missing",
        f"engine `{kind}` needs the package `{error.name}`, which is not installed",
        fix=f"run: {install}",
    )


def _unknown(kind: str) -> Invalid:
    near = difflib.get_close_matches(kind.lower(), _OPENERS, n=1)
    known = ", ".join(f"`{name}`" for name in _OPENERS)
    return Invalid(
        "engine-unknown",
        f"there is no engine `{kind}`",
        why=f"known engines: {known}",
        fix=f"did you mean `{near[0]}`?" if near else f"set `engine` in the profile to {known}",
    )


_OPENERS: MappingProxyType[str, Callable[[EngineSettings], Engine]] = MappingProxyType(
    {"duckdb": _open_duckdb}
)
