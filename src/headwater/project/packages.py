"""Packages: what packages.yml asks for as values, and choosing versions, without a network.

``deps`` fetches; here an index of versions is an argument, so resolution can be repeated.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import total_ordering
from typing import Literal

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.spans import Span
from headwater.project.yaml_text import YamlFile, read_yaml

_VERSION = re.compile(
    r"^(?P<operator>>=|<=|==|=|>|<)?\s*v?(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)"
    r"(?:-(?P<prerelease>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$"
)
PACKAGES_MAX = 500
"""Most packages that resolution will follow; more means a loop in the index."""


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
    """

    kind: Literal["hub", "git", "local", "tarball"]
    location: str
    versions: tuple[str, ...] = ()
    revision: str = ""
    subdirectory: str = ""
    name: str = ""
    install_prerelease: bool = False
    where: Span | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedVersion:
    """A version of a package in an index.

    Attributes:
        version: The version, as text.
        name: The package's own name.
        url: Where its archive is.
        packages: What it asks for itself.
    """

    version: str
    name: str
    url: str
    packages: tuple[PackageEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Chosen packages.

    Attributes:
        hub: Chosen version by ``owner/name``.
        others: Git, local and tarball entries, each once, in order.
        diagnostics: What could not be chosen.
    """

    hub: Mapping[str, IndexedVersion]
    others: tuple[PackageEntry, ...]
    diagnostics: tuple[Diagnostic, ...]


FindVersions = Callable[[str], tuple[IndexedVersion, ...] | None]
"""Gives the versions of ``owner/name``, or None when the index does not have it."""


def parse_package_list(
    file: str, text: str
) -> tuple[tuple[PackageEntry, ...], tuple[Diagnostic, ...]]:
    """Read packages.yml, dependencies.yml or package-lock.yml (its Jinja already rendered)."""
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
    for index, values in enumerate(packages):
        entry = _entry(loaded, index, values)
        if isinstance(entry, Diagnostic):
            found.append(entry)
        elif entry is not None:
            entries.append(entry)
    return tuple(entries), tuple(found)


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
        )
    if values.get("local"):
        return PackageEntry(kind="local", location=str(values["local"]), where=where)
    if values.get("tarball"):
        name = str(values.get("name") or "")
        if not name:
            return _malformed("a `tarball` needs the `name` of its package", where)
        return PackageEntry(
            kind="tarball", location=str(values["tarball"]), name=name,
            subdirectory=subdirectory, where=where,
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
    written = values.get("version")
    versions = written if isinstance(written, list) else [written] if written is not None else []
    texts = tuple(part.strip() for text in versions for part in str(text).split(","))
    for text in texts:
        if not _VERSION.match(text):
            what = f"`{text}` of package `{location}` is not a version such as >=1.3.0"
            return _malformed(what, where)
    return PackageEntry(
        kind="hub",
        location=location,
        versions=texts,
        install_prerelease=values.get("install-prerelease") is True,
        where=where,
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


def choose_version(
    entry: PackageEntry, constraints: Iterable[str], versions: Iterable[IndexedVersion]
) -> IndexedVersion | None:
    """Choose the newest version that meets the constraints.

    Prereleases are taken only when the entry allows them or a constraint names one exactly.
    """
    wanted = tuple(constraints)
    best: tuple[Version, IndexedVersion] | None = None
    for candidate in versions:
        version = parse_version(candidate.version)
        if version is None or not satisfies(version, wanted):
            continue
        named = any(text.lstrip("=v ") == str(version) for text in wanted)
        if version.prerelease and not (entry.install_prerelease or named):
            continue
        if best is None or best[0] < version:
            best = (version, candidate)
    return best[1] if best else None


def resolve_packages(entries: Iterable[PackageEntry], find_versions: FindVersions) -> Resolution:
    """Choose a version of every hub package, what packages ask for themselves included.

    A package's own requirements count as soon as it is chosen; when they change an earlier choice
    everything is chosen again, until nothing changes.
    """
    roots = tuple(entries)
    chosen: dict[str, IndexedVersion] = {}
    for _ in range(PACKAGES_MAX):
        wanted, others = _requirements(roots, chosen)
        again: dict[str, IndexedVersion] = {}
        found: list[Diagnostic] = []
        for location, asked in wanted.items():
            versions = find_versions(location)
            if versions is None:
                found.append(_not_found(location, asked[0]))
                continue
            constraints = tuple(dict.fromkeys(text for entry in asked for text in entry.versions))
            version = choose_version(asked[0], constraints, versions)
            if version is None:
                found.append(_conflict(location, asked, constraints, versions))
            else:
                again[location] = version
        if again == chosen or found:
            return Resolution(hub=again, others=others, diagnostics=tuple(found))
        chosen = again
    return Resolution(
        hub=chosen,
        others=(),
        diagnostics=(
            Diagnostic(
                code="package-version-conflict",
                severity="error",
                what=f"the packages' requirements do not settle after {PACKAGES_MAX} rounds",
            ),
        ),
    )


def _requirements(
    roots: tuple[PackageEntry, ...], chosen: Mapping[str, IndexedVersion]
) -> tuple[dict[str, list[PackageEntry]], tuple[PackageEntry, ...]]:
    wanted: dict[str, list[PackageEntry]] = {}
    others: dict[tuple[str, str, str], PackageEntry] = {}
    queue = list(roots)
    seen: set[str] = set()
    while queue:
        entry = queue.pop(0)
        if entry.kind != "hub":
            others.setdefault((entry.kind, entry.location, entry.subdirectory), entry)
            continue
        wanted.setdefault(entry.location, []).append(entry)
        if entry.location in chosen and entry.location not in seen:
            seen.add(entry.location)
            queue += chosen[entry.location].packages
    return wanted, tuple(others.values())


def _not_found(location: str, entry: PackageEntry) -> Diagnostic:
    return Diagnostic(
        code="package-not-found",
        severity="error",
        what=f"the index has no package `{location}`",
        fix="Check the spelling: `owner/name`",
        where=entry.where,
    )


def _conflict(
    location: str,
    asked: list[PackageEntry],
    constraints: tuple[str, ...],
    versions: tuple[IndexedVersion, ...],
) -> Diagnostic:
    newest = ", ".join(version.version for version in versions[-5:]) or "none"
    return Diagnostic(
        code="package-version-conflict",
        severity="error",
        what=f"no version of `{location}` is {' and '.join(constraints)}",
        why=f"{len(asked)} packages ask for it; the index has {newest}",
        fix="Widen the range in packages.yml",
        where=next((entry.where for entry in asked if entry.where), None),
    )
