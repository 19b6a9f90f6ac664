"""Where events of OpenLineage go: read as its clients read it, so that one setting serves all.

``OPENLINEAGE_CONFIG``, ``openlineage.yml`` of the project or of ``~/.openlineage``, variables that
begin with ``OPENLINEAGE__``, or the older ``OPENLINEAGE_URL``; the first that says a transport
counts. Without any of it nothing is sent.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import HeadwaterError
from headwater.project.yaml_text import read_mapping

CONFIG_FILE = "openlineage.yml"
ENDPOINT = "api/v1/lineage"
TIMEOUT_SECONDS = 5.0
_PREFIX = "OPENLINEAGE__"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTarget:
    """A service that takes events.

    Attributes:
        url: All of it, with the endpoint.
        headers: Sent with each event.
        timeout: Seconds that one event may take.
        is_packed: Events are sent as gzip.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    timeout: float = TIMEOUT_SECONDS
    is_packed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTarget:
    """Files of events.

    Attributes:
        path: One file with an event a line, or the beginning of the name of a file each.
        appends: Which of both.
    """

    path: Path
    appends: bool = False


Target = HttpTarget | FileTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageSettings:
    """Where events go.

    Attributes:
        targets: All of them get each event.
        namespace: Of the jobs.
        diagnostics: What of the configuration cannot be used; a run goes on without it.
    """

    targets: tuple[Target, ...] = ()
    namespace: str = "default"
    diagnostics: tuple[Diagnostic, ...] = ()


def read_lineage_settings(environment: Mapping[str, str], root: Path) -> LineageSettings:
    """Read where events go.

    Args:
        environment: Variables.
        root: Folder of the project, which relative paths are of.
    """
    if environment.get("OPENLINEAGE_DISABLED", "").lower() in {"1", "true", "yes"}:
        return LineageSettings()
    try:
        transport = _transport(environment, root)
        targets = tuple(_targets(transport, root)) if transport else ()
    except (HeadwaterError, ValueError, TypeError, OSError) as error:
        return LineageSettings(diagnostics=(_unusable(str(error)),))
    namespace = environment.get("OPENLINEAGE_NAMESPACE", "").strip() or "default"
    return LineageSettings(targets=targets, namespace=namespace)


def _unusable(why: str) -> Diagnostic:
    return Diagnostic(
        code="openlineage-unusable",
        severity="warning",
        what="the configuration of OpenLineage cannot be used, and no events are sent",
        why=why,
        fix="correct `openlineage.yml` or the variables, or set OPENLINEAGE_DISABLED=true",
    )


def _transport(environment: Mapping[str, str], root: Path) -> Mapping[str, Json]:
    for file in _files(environment, root):
        with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
            found = read_mapping(str(file), file.read_text(encoding="utf-8")).get("transport")
            if isinstance(found, dict):
                return found
    nested = _nested(environment).get("transport")
    if isinstance(nested, dict):
        return nested
    url = environment.get("OPENLINEAGE_URL", "").strip()
    if not url:
        return {}
    key = environment.get("OPENLINEAGE_API_KEY", "").strip()
    endpoint = environment.get("OPENLINEAGE_ENDPOINT", "").strip() or ENDPOINT
    auth: Json = {"type": "api_key", "apiKey": key} if key else {}
    return {"type": "http", "url": url, "endpoint": endpoint, "auth": auth}


def _files(environment: Mapping[str, str], root: Path) -> Iterator[Path]:
    named = environment.get("OPENLINEAGE_CONFIG", "").strip()
    if named:
        yield root / named
    yield root / CONFIG_FILE
    home = environment.get("HOME", "").strip()
    if home:
        yield Path(home) / ".openlineage" / CONFIG_FILE


def _nested(environment: Mapping[str, str]) -> dict[str, Json]:
    """Read variables whose names are paths: ``OPENLINEAGE__TRANSPORT__TYPE``; outer ones win."""
    found: dict[str, Json] = {}
    names = [name for name in environment if name.startswith(_PREFIX)]
    for name in sorted(names, key=lambda each: each.count("__")):
        path = [part.lower() for part in name.removeprefix(_PREFIX).split("__")]
        inner = found
        for part in path[:-1]:
            held = inner.setdefault(part, {})
            if not isinstance(held, dict):
                break
            inner = held
        else:
            inner.setdefault(path[-1], _value(environment[name]))
    return found


def _value(text: str) -> Json:
    if text.strip().startswith(("{", "[")):
        with suppress(ValueError):
            parsed: Json = json.loads(text)
            return parsed
    return text


def _targets(transport: Mapping[str, Json], root: Path) -> Iterator[Target]:
    kind = str(transport.get("type") or "").lower()
    match kind:
        case "http":
            yield _http(transport)
        case "file":
            path = str(transport.get("log_file_path") or "")
            if not path or "://" in path:
                message = f"`log_file_path` is `{path}`, and not a file of this machine"
                raise ValueError(message)
            yield FileTarget(path=root / path, appends=_is_true(transport.get("append")))
        case "composite":
            inner = transport.get("transports")
            listed = list(inner.values()) if isinstance(inner, dict) else inner
            for each in listed if isinstance(listed, list) else ():
                if isinstance(each, dict):
                    yield from _targets(each, root)
        case "noop":
            return
        case _:
            message = f"there is no transport `{kind}` here: http, file, composite or noop"
            raise ValueError(message)


def _is_true(value: Json) -> bool:
    return value is True or str(value).lower() == "true"


def _http(transport: Mapping[str, Json]) -> HttpTarget:
    url = str(transport.get("url") or "").rstrip("/")
    if not url.startswith(("http://", "https://")):
        message = f"`url` is `{url}`, which begins with neither http:// nor https://"
        raise ValueError(message)
    endpoint = str(transport.get("endpoint") or ENDPOINT).strip("/")
    auth, given = transport.get("auth"), transport.get("custom_headers")
    headers = {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {}
    if isinstance(auth, dict):
        key = auth.get("apiKey") or auth.get("api_key") or auth.get("apikey")
        if key:
            headers["Authorization"] = f"Bearer {key}"
    return HttpTarget(
        url=f"{url}/{endpoint}",
        headers=MappingProxyType(headers),
        timeout=float(str(transport.get("timeout") or TIMEOUT_SECONDS)),
        is_packed=str(transport.get("compression") or "").lower() == "gzip",
    )
