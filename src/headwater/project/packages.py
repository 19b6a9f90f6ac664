"""Packages: what packages.yml asks for as values, and choosing versions, without a network.

The one reader of package lists: a project's reading and ``deps``, which fetches, agree by it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import total_ordering
from types import MappingProxyType
from typing import Literal

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.spans import Span
from headwater.project.yaml_text import YamlFile, read_yaml

_VERSION = re.compile(
    r"^(?P<operator>>=|<=|==|=|>|<)?\s*v?(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)"
    r"(?:-(?P<prerelease>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$"
)
_USER_AND_PASSWORD = re.compile(r"://[^/@\s]+@")
_NO_ENTRY: Mapping[str, Json] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageEntry:
    """One entry of packages.yml, dependencies.yml or package-lock.yml.

    Attributes:
        kind: Where it comes from.
        location: ``owner/name`` for hub, URL for git and tarball, folder for local.
        versions: Version constraints of hub; empty for any.
        revision: Branch, tag or commit of git; empty for the default branch.
        subdirectory: Folder inside a git repository.
        name: Name of a tarball's package.
        install_prerelease: Whether prereleases of hub may be chosen.
        where: Place of the entry.
        written: The entry as written, by which a lock file is known to fit.
        unrendered: ``location`` before its Jinja was rendered; empty when it had none.
    """

    kind: Literal["hub", "git", "local", "tarball"]
    location: str
    versions: tuple[str, ...] = ()
    revision: str = ""
    subdirectory: str = ""
    name: str = ""
    install_prerelease: bool = False
    where: Span | None = None
    written: Mapping[str, Json] = field(default_factory=lambda: _NO_ENTRY)
    unrendered: str = ""

    @property
    def shown(self) -> str:
        """Where it comes from as people and files may see it: without what Jinja put in."""
        return self.unrendered or without_password(self.location)


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version; a prerelease sorts before its release."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""

    def __str__(self) -> str:
        tail = f"-{self.prerelease}" if self.prerelease else ""
        return f"{self.major}.{self.minor}.{self.patch}{tail}"

    def _key(self) -> tuple[object, ...]:
        parts = tuple(
            (0, int(part), "") if part.isdecimal() else (1, 0, part)
            for part in self.prerelease.split(".")
        )
        return (self.major, self.minor, self.patch, not self.prerelease, parts)

    def __lt__(self, other: "Version") -> bool:
        return self._key() < other._key()


def parse_package_list(
    file: str, text: str, evaluate: Callable[[str], Json] | None = None
) -> tuple[tuple[PackageEntry, ...], tuple[Diagnostic, ...]]:
    """Read packages.yml, dependencies.yml or package-lock.yml.

    Args:
        file: Its name, for messages.
        text: Its text.
        evaluate: Renders the Jinja of one value; None to leave it as written.

    Raises:
        HeadwaterError: What ``evaluate`` raises.
    """
    loaded = read_yaml(file, text)
    if isinstance(loaded, Diagnostic):
        return (), (loaded,)
    content = loaded.content
    if content is None:
        return (), ()
    packages = content.get("packages", []) if isinstance(content, dict) else None
    if packages is None and isinstance(content, dict):
        packages = []
    if not isinstance(packages, list):
        return (), (_malformed("`packages` must be a list", loaded.span("packages")),)
    entries: list[PackageEntry] = []
    found: list[Diagnostic] = []
    for index, written in enumerate(packages):
        values = written if evaluate is None else _evaluated(written, evaluate)
        entry = _as_written(_entry(loaded, index, values), written)
        if isinstance(entry, Diagnostic):
            found.append(entry)
        elif entry is not None:
            entries.append(entry)
    return tuple(entries), tuple(found)


def _as_written(
    entry: PackageEntry | Diagnostic | None, written: Json
) -> PackageEntry | Diagnostic | None:
    """Keep where a package comes from as it was written: a secret may stand there instead."""
    if not isinstance(entry, PackageEntry) or not isinstance(written, dict):
        return entry
    text = str(written.get("git") or written.get("tarball") or written.get("local") or "")
    return replace(entry, unrendered=text) if text and text != entry.location else entry


def without_password(text: str) -> str:
    """Return a text with what stands before the host of an address taken out."""
    return _USER_AND_PASSWORD.sub("://*****@", text)


def _evaluated(value: Json, evaluate: Callable[[str], Json]) -> Json:
    if isinstance(value, str):
        return evaluate(value) if "{" in value else value
    if isinstance(value, dict):
        return {key: _evaluated(part, evaluate) for key, part in value.items()}
    return [_evaluated(part, evaluate) for part in value] if isinstance(value, list) else value


def _malformed(what: str, where: Span) -> Diagnostic:
    return Diagnostic(
        code="packages-malformed",
        severity="error",
        what=what,
        fix="An entry is `package` with `version`, `git` with `revision`, `local`, or `tarball`",
        where=where,
    )


def _entry(loaded: YamlFile, index: int, values: Json) -> PackageEntry | Diagnostic | None:
    where = loaded.span("packages", index)
    if not isinstance(values, dict):
        return _malformed("an entry of `packages` must be a mapping", where)
    if "private" in values:
        return _malformed("`private` packages are known to dbt's own platform only", where)
    subdirectory = str(values.get("subdirectory") or "")
    if values.get("git"):
        return PackageEntry(
            kind="git",
            location=str(values["git"]),
            revision=_revision(values.get("revision")),
            subdirectory=subdirectory,
            where=where,
            written=values,
        )
    if values.get("local"):
        return PackageEntry(
            kind="local", location=str(values["local"]), where=where, written=values
        )
    if values.get("tarball"):
        name = str(values.get("name") or "")
        if not name:
            return _malformed("a `tarball` needs the `name` of its package", where)
        return PackageEntry(
            kind="tarball", location=str(values["tarball"]), name=name,
            subdirectory=subdirectory, where=where, written=values,
        )  # fmt: skip
    if values.get("package"):
        return _hub_entry(values, where)
    return _malformed("an entry of `packages` names no package", where)


def _revision(value: Json) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    return "" if value is None else str(value)


def _hub_entry(values: Mapping[str, Json], where: Span) -> PackageEntry | Diagnostic:
    location = str(values["package"])
    if not re.fullmatch(r"[^/\s]+/[^/\s]+", location):
        return _malformed(f"`{location}` is not a package of the hub: `owner/name`", where)
    written = values.get("version")
    if written is None or written == "":
        return _malformed(f"package `{location}` has no `version`", where)
    versions = written if isinstance(written, list) else [written]
    texts = tuple(part.strip() for text in versions for part in str(text).split(","))
    for text in texts:
        if not _VERSION.match(text):
            what = f"`{text}` of package `{location}` is not a version such as >=1.3.0"
            return _malformed(what, where)
    # dbt's own key has a hyphen; lock files and older lists have it with an underscore.
    allows = values.get("install-prerelease", values.get("install_prerelease"))
    return PackageEntry(
        kind="hub",
        location=location,
        versions=texts,
        install_prerelease=allows is True,
        where=where,
        written=values,
    )


def parse_version(text: str) -> Version | None:
    """Read ``1.3.0`` or ``1.3.0-rc1``; None when it is not a version."""
    match = _VERSION.match(text.strip())
    if match is None:
        return None
    return Version(
        int(match["major"]), int(match["minor"]), int(match["patch"]), match["prerelease"] or ""
    )


def satisfies(version: Version, constraints: Iterable[str]) -> bool:
    """Say whether a version meets every constraint (``>=1.0.0``, ``<2.0.0``, ``1.3.1``)."""
    for text in constraints:
        match = _VERSION.match(text)
        bound = parse_version(text)
        if match is None or bound is None:
            return False
        holds = {
            ">=": version >= bound,
            "<=": version <= bound,
            ">": version > bound,
            "<": version < bound,
        }.get(match["operator"] or "=", version == bound)
        if not holds:
            return False
    return True


def choose_version(known: Iterable[str], asked: Iterable[PackageEntry]) -> str | None:
    """Choose the newest version that meets every entry's constraints, or None.

    Prereleases are taken only when an entry allows them or a constraint names one exactly.

    Args:
        known: Versions that there are, as text; what is no version is passed over.
        asked: Every entry that asks for the package.
    """
    entries = tuple(asked)
    wanted = tuple(text for entry in entries for text in entry.versions)
    named = {text.lstrip("=v ") for text in wanted}
    takes_any = any(entry.install_prerelease for entry in entries)
    fitting = {
        text: version
        for text in known
        if (version := parse_version(text))
        and satisfies(version, wanted)
        and (not version.prerelease or takes_any or str(version) in named)
    }
    return max(fitting, key=fitting.__getitem__) if fitting else None
