"""Fetching packages: `packages.yml` entries become folders under `dbt_packages`, and a lock file.

The one user of the network in a project's set-up. Everything is fetched beside the folder first
and moved into place at the end, so that a failure leaves the packages that were there.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Literal, assert_never
from urllib.parse import urlsplit

import yaml

from headwater.base.codec import Json
from headwater.base.errors import Conflict, DataDamaged, Denied, Invalid, NotFound, Unavailable
from headwater.project.packages import parse_version, satisfies

HUB_URL = "https://hub.getdbt.com"
TIMEOUT_SECONDS = 60
GIT_TIMEOUT_SECONDS = 600
ARCHIVE_BYTES_MAX = 200 * 1024 * 1024
UNPACKED_BYTES_MAX = 1024 * 1024 * 1024
ARCHIVE_FILES_MAX = 50_000
PACKAGES_MAX = 500
LOCK_FILE = "package-lock.yml"
_NO_ENTRY: Mapping[str, Json] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One entry of `packages.yml`.

    Attributes:
        kind: Where it comes from.
        location: ``owner/name`` on the hub, a git URL, a folder, or an archive's URL.
        versions: Hub version ranges; all must hold.
        revision: Git branch, tag or commit; empty for the default branch.
        subdirectory: Folder of the repository that holds the project.
        name: Given name of an archive's package.
        prerelease: Whether versions such as ``1.0.0-rc1`` may be taken.
        written: The entry as written, for the lock file's hash.
    """

    kind: Literal["hub", "git", "local", "tarball"]
    location: str
    versions: tuple[str, ...] = ()
    revision: str = ""
    subdirectory: str = ""
    name: str = ""
    prerelease: bool = False
    written: Mapping[str, Json] = field(default_factory=lambda: _NO_ENTRY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A package that is in place.

    Attributes:
        package: The entry, with its version or revision pinned.
        name: Project name, which is also its folder.
        version: Hub version, git commit, ``local`` or ``tarball``.
    """

    package: Package
    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageEvent:
    """Progress: a package is being fetched, or all of them are in place."""

    kind: Literal["fetching", "installed", "removed", "locked"]
    name: str
    version: str = ""


Report = Callable[[PackageEvent], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSettings:
    """How packages are fetched.

    Attributes:
        root: The project's folder.
        folder: Where packages are installed, usually ``<root>/dbt_packages``.
        mirror: Folder of repositories to use in place of the hub and of git hosts; None for none.
        upgrade: Look for newer versions although the lock file fits.
        hub_url: Address of the package index.
    """

    root: Path
    folder: Path
    mirror: Path | None = None
    upgrade: bool = False
    hub_url: str = HUB_URL


def parse_packages(document: Mapping[str, Json], file: str = "packages.yml") -> tuple[Package, ...]:
    """Read the ``packages:`` of a rendered `packages.yml`, `dependencies.yml` or lock file.

    Raises:
        Invalid: An entry is none of the known kinds, or lacks its version.
    """
    entries = document.get("packages")
    if not isinstance(entries, list):
        return ()
    return tuple(_parse_entry(entry, file) for entry in entries)


def _parse_entry(entry: Json, file: str) -> Package:
    if not isinstance(entry, dict):
        entry = {"entry": entry}
    match entry:
        case {"package": str(location), "version": versions} if "/" in location:
            listed = versions if isinstance(versions, list) else [versions]
            return Package(
                kind="hub",
                location=location,
                versions=tuple(part for v in listed for part in str(v).split(",")),
                prerelease=bool(entry.get("install_prerelease")),
                written=entry,
            )
        case {"git": str(location)} if location and not location.startswith("-"):
            return Package(
                kind="git",
                location=location,
                revision=str(entry.get("revision") or ""),
                subdirectory=str(entry.get("subdirectory") or ""),
                written=entry,
            )
        case {"local": str(location)} if location:
            return Package(kind="local", location=location, written=entry)
        case {"tarball": str(location), "name": str(name)} if location:
            return Package(kind="tarball", location=location, name=name, written=entry)
        case _:
            raise Invalid(
                "package-not-found",
                f"`{file}` has an entry that says no package: {json.dumps(entry, default=str)}",
                fix="an entry has `package` and `version`, `git`, `local`, or `tarball` and `name`",
            )


def install_packages(
    entries: Sequence[Package], settings: PackageSettings, report: Report = lambda _: None
) -> tuple[Installed, ...]:
    """Fetch packages and what they need, put them in place and write the lock file.

    Args:
        entries: The project's own entries.
        settings: Where to and where from.
        report: Told about each step.

    Raises:
        NotFound: ``package-not-found``.
        Conflict: ``package-version-conflict``.
        Unavailable: ``git-failed`` or ``package-offline``.
        DataDamaged: ``package-damaged``.
        Denied: ``package-write-failed``.
    """
    lock = settings.root / LOCK_FILE
    locked = _read_yaml(lock)
    wanted = entries
    if not settings.upgrade and locked.get("sha1_hash") == lock_hash(entries):
        wanted = parse_packages(locked, LOCK_FILE)
    try:
        settings.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=settings.folder) as staging:
            fetched = _Fetch(settings, Path(staging), report).all(
                wanted, is_locked=wanted is not entries
            )
            _put_in_place(fetched, settings.folder, Path(staging))
        _remove_stale(locked, fetched, settings.folder, report)
        _write_lock(lock, entries, fetched)
    except OSError as error:
        raise Denied(
            "package-write-failed",
            f"cannot write packages to `{settings.folder}`: {error.strerror or error}",
            fix="free space or correct the permissions, then run it again",
        ) from error
    for name, (installed, _) in sorted(fetched.items()):
        report(PackageEvent(kind="installed", name=name, version=installed.version))
    return tuple(installed for installed, _ in fetched.values())


_Fetched = dict[str, tuple[Installed, Path]]


class _Fetch:
    """One run: collects what every package asks for until nothing new is asked."""

    def __init__(self, settings: PackageSettings, staging: Path, report: Report) -> None:
        self.settings = settings
        self.staging = staging
        self.report = report
        self.asked: dict[str, list[Package]] = {}
        self.chosen: dict[str, tuple[str, Installed, Path]] = {}

    def all(self, entries: Sequence[Package], *, is_locked: bool) -> _Fetched:
        """Fetch everything; a lock file already lists what its packages need."""
        waiting = [(entry, self.settings.root) for entry in entries]
        while waiting:
            entry, base = waiting.pop(0)
            if len(self.asked) > PACKAGES_MAX:
                raise Invalid(
                    "package-version-conflict", f"more than {PACKAGES_MAX} packages are needed"
                )
            needed = self._one(entry, base)
            waiting += () if is_locked else needed
        found: _Fetched = {}
        for _, installed, path in self.chosen.values():
            if installed.name in found:
                raise _conflict(
                    f"two packages are called `{installed.name}`",
                    [found[installed.name][0].package, installed.package],
                )
            found[installed.name] = (installed, path)
        return found

    def _one(self, entry: Package, base: Path) -> list[tuple[Package, Path]]:
        key = _identity(entry, base)
        asked = self.asked.setdefault(key, [])
        asked.append(entry)
        pin, fetch = self._pin(key, asked, base)
        if key in self.chosen and self.chosen[key][0] == pin:
            return []
        self.report(PackageEvent(kind="fetching", name=entry.location, version=pin))
        target = Path(tempfile.mkdtemp(dir=self.staging))
        path, version = fetch(target)
        name = _project_name(path, entry)
        pinned = _pinned(entry, version)
        self.chosen[key] = (pin, Installed(package=pinned, name=name, version=version), path)
        document = _read_yaml(path / "packages.yml") or _read_yaml(path / "dependencies.yml")
        return [(needed, path) for needed in parse_packages(document, f"{name}/packages.yml")]

    def _pin(
        self, key: str, asked: Sequence[Package], base: Path
    ) -> tuple[str, Callable[[Path], tuple[Path, str]]]:
        entry = asked[-1]
        match entry.kind:
            case "local":
                return "local", lambda _: (_existing_folder(base / entry.location), "local")
            case "tarball":
                return "tarball", partial(self._tarball, entry.location, "")
            case "git":
                if len({(item.revision, item.subdirectory) for item in asked}) > 1:
                    raise _conflict(f"`{entry.location}` is asked for at two revisions", asked)
                return entry.revision, partial(self._git, entry)
            case "hub":
                return self._pin_hub(key, asked)
            case _:
                assert_never(entry.kind)

    def _pin_hub(
        self, name: str, asked: Sequence[Package]
    ) -> tuple[str, Callable[[Path], tuple[Path, str]]]:
        mirrored = find_mirrored(self.settings.mirror, name)
        if self.settings.mirror and mirrored is None:
            raise NotFound(
                "package-not-found",
                f"package `{name}` is not in the mirror `{self.settings.mirror}`",
                fix="add `<owner>/<name>` or `<owner>+<name>` there, or leave the mirror out",
            )
        index = {} if mirrored else self._hub_index(name)
        known = mirrored_versions(mirrored) if mirrored else {v: v for v in index}
        version = pick_version(name, tuple(known), asked)
        if mirrored:
            return version, partial(_from_mirror, mirrored, known[version], version)
        tarball, sha1 = index[version]
        return version, partial(self._hub, tarball, sha1, version)

    def _hub_index(self, name: str) -> Mapping[str, tuple[str, str]]:
        """Return archive address and checksum by version."""
        address = f"{self.settings.hub_url}/api/v1/{name}.json"
        try:
            document = json.loads(_download(address))
            return {
                version: (
                    entry["downloads"]["tarball"],
                    str(entry["downloads"].get("sha1") or entry.get("sha1") or ""),
                )
                for version, entry in document["versions"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable(
                "package-offline",
                f"the hub's answer about `{name}` cannot be read",
                why=f"{address}: {error!r}",
                fix="try again, or use a mirror folder: `hw deps --mirror DIR`",
            ) from error

    def _hub(self, tarball: str, sha1: str, version: str, target: Path) -> tuple[Path, str]:
        return self._tarball(tarball, sha1, target)[0], version

    def _tarball(self, address: str, sha1: str, target: Path) -> tuple[Path, str]:
        local = self.settings.root / address
        content = local.read_bytes() if local.is_file() else _download(address)
        if sha1 and hashlib.sha1(content, usedforsecurity=False).hexdigest() != sha1:
            raise _damaged(address, "its checksum differs from the announced one")
        return unpack(content, target, address), "tarball"

    def _git(self, entry: Package, target: Path) -> tuple[Path, str]:
        mirrored = find_mirrored(self.settings.mirror, _owner_and_name(entry.location))
        address = str(mirrored) if mirrored else entry.location
        folder = self.settings.root / address
        if not mirrored and folder.is_dir():
            address = str(folder.resolve())
        commit = git_checkout(address, entry.revision, target)
        path = (target / entry.subdirectory).resolve()
        if not path.is_relative_to(target.resolve()) or not path.is_dir():
            raise NotFound(
                "package-not-found", f"`{entry.location}` has no folder `{entry.subdirectory}`"
            )
        return path, commit


def _identity(entry: Package, base: Path) -> str:
    if entry.kind == "local":
        return str((base / entry.location).resolve())
    if entry.kind == "git":
        return entry.location.removesuffix("/").removesuffix(".git") + "#" + entry.subdirectory
    return entry.location


def _pinned(entry: Package, version: str) -> Package:
    match entry.kind:
        case "hub":
            return Package(kind="hub", location=entry.location, versions=(version,))
        case "git":
            return Package(
                kind="git",
                location=entry.location,
                revision=version,
                subdirectory=entry.subdirectory,
            )
        case "local" | "tarball":
            return entry
        case _:
            assert_never(entry.kind)


def _project_name(path: Path, entry: Package) -> str:
    name = _read_yaml(path / "dbt_project.yml").get("name")
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name):
        raise NotFound(
            "package-not-found",
            f"`{entry.location}` is no package: it has no `dbt_project.yml` with a `name`",
            fix="a package of a larger repository needs `subdirectory`",
        )
    return name


def _existing_folder(path: Path) -> Path:
    if not path.is_dir():
        raise NotFound("package-not-found", f"there is no folder `{path}`")
    return path.resolve()


def _read_yaml(path: Path) -> Mapping[str, Json]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = str(error).splitlines()[0]
        raise Invalid("package-damaged", f"cannot read `{path}`", why=line) from error
    return document if isinstance(document, dict) else {}


# Versions


def pick_version(name: str, known: Sequence[str], asked: Sequence[Package]) -> str:
    """Return the highest version that fits every range asked for.

    Raises:
        Conflict: No known version fits all, although each range alone may be met.
        NotFound: There is no version at all.
    """
    ranges = [text.strip() for entry in asked for text in entry.versions]
    versions = {version: parsed for version in known if (parsed := parse_version(version))}
    fitting = {text: parsed for text, parsed in versions.items() if satisfies(parsed, ranges)}
    named = {text.lstrip("=v ") for text in ranges}
    allowed = [
        text
        for text, parsed in fitting.items()
        if not parsed.prerelease or str(parsed) in named or any(entry.prerelease for entry in asked)
    ]
    if allowed:
        return max(allowed, key=fitting.__getitem__)
    newest = ", ".join(sorted(versions, key=versions.__getitem__)[-5:])
    why = f"asked for: {', '.join(ranges) or 'any'}; newest there are: {newest or 'none'}"
    if len(asked) > 1:
        raise Conflict("package-version-conflict", f"no version of `{name}` fits everyone", why=why)
    raise NotFound("package-not-found", f"no version of `{name}` fits", why=why)


# Mirror


def find_mirrored(mirror: Path | None, name: str) -> Path | None:
    """Return the folder or repository of ``owner/name`` in a mirror, or None.

    Hyphens and underscores count as the same, because hub names and repository names differ so.
    """
    if mirror is None or "/" not in name or not mirror.is_dir():
        return None
    owner, _, own = _plain(name).partition("/")
    for folder in sorted(mirror.iterdir()):
        if _plain(folder.name) == f"{owner}+{own}":
            return _repository(folder)
        if _plain(folder.name) == owner and folder.is_dir():
            inner = [path for path in folder.iterdir() if _plain(path.stem) == own]
            if inner:
                return _repository(inner[0])
    return None


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _repository(folder: Path) -> Path:
    inner = folder / "repo"
    return inner if is_repository(inner) else folder


def is_repository(folder: Path) -> bool:
    """Say whether a folder is a git repository, bare or not."""
    return (folder / ".git").exists() or (
        (folder / "HEAD").is_file() and (folder / "objects").is_dir()
    )


def mirrored_versions(folder: Path) -> Mapping[str, str]:
    """Return tag or folder name by version for everything that looks like a version."""
    if is_repository(folder):
        names = _git(["-C", str(folder), "tag", "--list"], folder).splitlines()
    else:
        names = [path.name for path in folder.iterdir() if path.is_dir()]
    return {name.removeprefix("v"): name for name in names if parse_version(name)}


def _from_mirror(folder: Path, name: str, version: str, target: Path) -> tuple[Path, str]:
    if is_repository(folder):
        git_checkout(str(folder), name, target)
        return target, version
    shutil.copytree(folder / name, target, dirs_exist_ok=True, symlinks=True)
    _refuse_links(target, str(folder))
    return target, version


def _owner_and_name(address: str) -> str:
    path = urlsplit(address).path if "://" in address else address.rpartition(":")[2]
    return "/".join(path.strip("/").removesuffix(".git").split("/")[-2:])


# Git


def git_checkout(address: str, revision: str, target: Path) -> str:
    """Put a revision's files into an empty folder and return its commit.

    Raises:
        Unavailable: Git is missing or fails (``git-failed``).
    """
    if revision.startswith("-") or address.startswith("-"):
        raise Invalid("git-failed", f"`{revision or address}` is no revision or address")
    inside = ["-C", str(target)]
    _git(["init", "--quiet", str(target)], address)
    try:
        _git([*inside, "fetch", "--quiet", "--depth=1", address, revision or "HEAD"], address)
        wanted = "FETCH_HEAD"
    except Unavailable:
        # A host need not serve single commits; then everything is fetched.
        spec = ["+refs/heads/*:refs/fetched/*", "+refs/tags/*:refs/tags/*"]
        _git([*inside, "fetch", "--quiet", address, *spec], address)
        wanted = _git([*inside, "rev-parse", "--verify", f"{revision}^{{commit}}"], address)
    _git([*inside, "checkout", "--quiet", "--detach", wanted.strip()], address)
    commit = _git([*inside, "rev-parse", "HEAD"], address).strip()
    shutil.rmtree(target / ".git")
    _refuse_links(target, address)
    return commit


def _git(arguments: Sequence[str], address: object) -> str:
    environment = {
        **os.environ,  # noqa: TID251 - git finds the user's own credentials and proxies there
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        "LC_ALL": "C",
    }
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell; the address follows the options
            ["git", *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            timeout=GIT_TIMEOUT_SECONDS,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(
            "git-failed", f"cannot run git for `{address}`", why=str(error)
        ) from error
    if done.returncode:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise Unavailable(
            "git-failed",
            f"git could not fetch `{address}`",
            why=f"git {arguments[-1]}: {lines[-1] if lines else done.returncode}",
            fix="check the address and the revision; credentials are git's own",
        )
    return done.stdout.decode(errors="replace")


def _refuse_links(folder: Path, source: str) -> None:
    inside = folder.resolve()
    for path in folder.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            raise _damaged(source, f"`{path.relative_to(folder)}` links out of the package")


# Archives


def _download(address: str) -> bytes:
    if urlsplit(address).scheme not in {"https", "http", "file"}:
        raise NotFound("package-not-found", f"there is no file `{address}`")
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked
            content: bytes = answer.read(ARCHIVE_BYTES_MAX + 1)
    except urllib.error.HTTPError as error:
        raise NotFound("package-not-found", f"`{address}` answers {error.code}") from error
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        raise Unavailable(
            "package-offline",
            f"cannot reach `{urlsplit(address).netloc or address}`",
            why=str(getattr(error, "reason", error)),
            fix="try again, or use a mirror folder: `hw deps --mirror DIR`",
        ) from error
    if len(content) > ARCHIVE_BYTES_MAX:
        raise _damaged(address, f"it is larger than {ARCHIVE_BYTES_MAX} bytes")
    return content


def unpack(content: bytes, target: Path, source: str) -> Path:
    """Unpack a gzipped tar archive into an empty folder and return its single top folder.

    Raises:
        DataDamaged: It is no such archive, is too large, or holds links, devices or paths that
            leave the folder; nothing is written outside ``target`` in any case.
    """
    try:
        with tarfile.open(fileobj=BytesIO(content), mode="r:gz") as archive:
            _unpack_members(archive, target, source)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(source, f"it is no gzipped tar archive: {error}") from error
    tops = list(target.iterdir())
    return tops[0] if len(tops) == 1 and tops[0].is_dir() else target


def _unpack_members(archive: tarfile.TarFile, target: Path, source: str) -> None:
    size = 0
    for count, member in enumerate(archive):
        size += member.size
        if count >= ARCHIVE_FILES_MAX or size > UNPACKED_BYTES_MAX:
            raise _damaged(source, "it unpacks to too much")
        _unpack_member(archive, member, target, source)


def _unpack_member(
    archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, source: str
) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or ":" in path.parts[:1]:
        raise _damaged(source, f"the path `{member.name}` leaves the package")
    if member.isdir():
        (target / path).mkdir(parents=True, exist_ok=True)
        return
    if not member.isfile():
        raise _damaged(source, f"`{member.name}` is a link or a device")
    stream = archive.extractfile(member)
    (target / path).parent.mkdir(parents=True, exist_ok=True)
    with (target / path).open("wb") as file:
        shutil.copyfileobj(stream or BytesIO(), file)


def _damaged(source: str, why: str) -> DataDamaged:
    return DataDamaged("package-damaged", f"the package `{source}` must not be unpacked", why=why)


def _conflict(what: str, asked: Iterable[Package]) -> Conflict:
    why = "; ".join(
        f"{entry.kind} {entry.location} {entry.revision or ', '.join(entry.versions)}".strip()
        for entry in asked
    )
    return Conflict("package-version-conflict", what, why=why, fix="keep only one of them")


# In place


def _put_in_place(fetched: _Fetched, folder: Path, staging: Path) -> None:
    """Swap every package's folder; if one swap fails, undo those before it."""
    undo: list[tuple[Path, Path | None]] = []
    try:
        for name, (installed, path) in sorted(fetched.items()):
            place, old = folder / name, staging / f"old-{name}"
            new = staging / f"new-{name}"
            if installed.package.kind == "local":
                new.symlink_to(path, target_is_directory=True)
            else:
                path.rename(new)
            had = place.exists() or place.is_symlink()
            if had:
                place.rename(old)
            undo.append((place, old if had else None))
            new.rename(place)
    except OSError:
        for place, old_place in reversed(undo):
            _remove(place)
            if old_place:
                old_place.rename(place)
        raise


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    else:
        with suppress(FileNotFoundError):
            shutil.rmtree(path)


def _remove_stale(
    locked: Mapping[str, Json], fetched: _Fetched, folder: Path, report: Report
) -> None:
    """Remove what an earlier run installed and nobody asks for any more; nothing else."""
    entries = locked.get("packages")
    for entry in entries if isinstance(entries, list) else []:
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(name, str) and re.fullmatch(r"\w+", name) and name not in fetched:
            _remove(folder / name)
            report(PackageEvent(kind="removed", name=name))


def lock_hash(entries: Iterable[Package]) -> str:
    """Return dbt's hash of the project's own entries, by which it knows a lock file that fits."""
    texts = sorted(json.dumps(_hashed(entry), sort_keys=True) for entry in entries)
    return hashlib.sha1("\n".join(texts).encode(), usedforsecurity=False).hexdigest()


def _hashed(entry: Package) -> dict[str, Json]:
    written = dict(entry.written)
    match entry.kind:
        case "hub":
            defaults: dict[str, Json] = {"install_prerelease": False}
        case "git":
            defaults = {"revision": None, "subdirectory": None, "warn-unpinned": None}
        case "local" | "tarball":
            defaults = {}
        case _:
            assert_never(entry.kind)
    return {**defaults, **written, "unrendered": written}


def _write_lock(path: Path, entries: Sequence[Package], fetched: _Fetched) -> None:
    if not entries:
        path.unlink(missing_ok=True)
        return
    listed = [_lock_entry(installed) for installed, _ in fetched.values()]
    document = {"packages": listed, "sha1_hash": lock_hash(entries)}
    text = yaml.safe_dump(document, sort_keys=True)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _lock_entry(installed: Installed) -> dict[str, str]:
    entry = installed.package
    keys = {"hub": "package", "git": "git", "local": "local", "tarball": "tarball"}
    found = {keys[entry.kind]: entry.location, "name": installed.name}
    if entry.kind == "hub":
        found["version"] = installed.version
    if entry.kind == "git":
        found["revision"] = installed.version
        if entry.subdirectory:
            found["subdirectory"] = entry.subdirectory
    return found
