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
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Literal, assert_never
from urllib.parse import urlsplit

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import Conflict, DataDamaged, Denied, Invalid, NotFound, Unavailable
from headwater.base.spans import Span
from headwater.project.packages import (
    PackageEntry,
    choose_version,
    parse_package_list,
    parse_version,
    without_password,
)
from headwater.project.yaml_text import read_yaml, write_yaml

HUB_URL = "https://hub.getdbt.com"
TIMEOUT_SECONDS = 60
GIT_TIMEOUT_SECONDS = 600
ARCHIVE_BYTES_MAX = 200 * 1024 * 1024
UNPACKED_BYTES_MAX = 1024 * 1024 * 1024
ARCHIVE_FILES_MAX = 50_000
PACKAGES_MAX = 500
LOCK_FILE = "package-lock.yml"
NAME_BYTES_MAX = 255
_CLASHES = (gzip.BadGzipFile, FileExistsError, IsADirectoryError, NotADirectoryError, ValueError)
_DAMAGED_FIX = "fetch it again; if it stays so, take another version or tell its author"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A package that is in place.

    Attributes:
        package: The entry, with its version or revision pinned.
        name: Project name, which is also its folder.
        version: Hub version, git commit, ``local`` or ``tarball``.
    """

    package: PackageEntry
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
        evaluate: Renders the Jinja of one value of the lock file, where secrets are not written.
    """

    root: Path
    folder: Path
    mirror: Path | None = None
    upgrade: bool = False
    hub_url: str = HUB_URL
    evaluate: Callable[[str], Json] | None = None


def parse_packages(
    file: str, text: str, evaluate: Callable[[str], Json] | None = None
) -> tuple[PackageEntry, ...]:
    """Read `packages.yml`, `dependencies.yml` or a lock file, all of it or nothing.

    Args:
        file: Its name, for messages.
        text: Its text.
        evaluate: Renders the Jinja of one value; None to leave it as written.

    Raises:
        Invalid: ``yaml-malformed``, or ``packages-malformed`` at the entry that cannot be used.
    """
    entries, found = parse_package_list(file, text, evaluate)
    for problem in found:
        raise Invalid(
            problem.name, problem.what, why=problem.why, fix=problem.fix, where=problem.where
        )
    return entries


def install_packages(
    entries: Sequence[PackageEntry], settings: PackageSettings, report: Report = lambda _: None
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
        text = lock.read_text(encoding="utf-8")
        wanted = parse_packages(LOCK_FILE, text, settings.evaluate)
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
        self.asked: dict[str, list[PackageEntry]] = {}
        self.chosen: dict[str, tuple[str, Installed, Path]] = {}

    def all(self, entries: Sequence[PackageEntry], *, is_locked: bool) -> _Fetched:
        """Fetch everything; a lock file already lists what its packages need."""
        waiting = [(entry, self.settings.root) for entry in entries]
        while waiting:
            entry, base = waiting.pop(0)
            if len(self.asked) > PACKAGES_MAX:
                raise Invalid(
                    "package-version-conflict",
                    f"more than {PACKAGES_MAX} packages are needed",
                    why=f"the last one is `{entry.shown}`, asked for by `{base}`",
                    fix="look for packages that ask for ever new ones, and take them out",
                    where=entry.where,
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

    def _one(self, entry: PackageEntry, base: Path) -> list[tuple[PackageEntry, Path]]:
        key = _identity(entry, base)
        asked = self.asked.setdefault(key, [])
        asked.append(entry)
        pin, fetch = self._pin(key, asked, base)
        if key in self.chosen and self.chosen[key][0] == pin:
            return []
        self.report(PackageEvent(kind="fetching", name=entry.shown, version=pin))
        target = Path(tempfile.mkdtemp(dir=self.staging))
        path, version = fetch(target)
        name = _project_name(path, entry)
        pinned = _pinned(entry, version)
        self.chosen[key] = (pin, Installed(package=pinned, name=name, version=version), path)
        return [(needed, path) for needed in _asked_by(path, name)]

    def _pin(
        self, key: str, asked: Sequence[PackageEntry], base: Path
    ) -> tuple[str, Callable[[Path], tuple[Path, str]]]:
        entry = asked[-1]
        match entry.kind:
            case "local":
                return "local", lambda _: (self._local(base, entry), "local")
            case "tarball":
                return "tarball", partial(self._tarball, entry.location, "")
            case "git":
                if len({(item.revision, item.subdirectory) for item in asked}) > 1:
                    raise _conflict(f"`{entry.shown}` is asked for at two revisions", asked)
                return entry.revision, partial(self._git, entry)
            case "hub":
                return self._pin_hub(key, asked)
            case _:
                assert_never(entry.kind)

    def _pin_hub(
        self, name: str, asked: Sequence[PackageEntry]
    ) -> tuple[str, Callable[[Path], tuple[Path, str]]]:
        mirrored = find_mirrored(self.settings.mirror, name)
        if self.settings.mirror and mirrored is None:
            raise NotFound(
                "package-not-found",
                f"package `{name}` is not in the mirror `{self.settings.mirror}`",
                fix="add `<owner>/<name>` or `<owner>+<name>` there, or leave the mirror out",
                where=asked[-1].where,
            )
        index = {} if mirrored else self._hub_index(name)
        known = mirrored_versions(mirrored) if mirrored else {v: v for v in index}
        version = _version_of(name, tuple(known), asked)
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
                why=f"{without_password(address)}: {error!r}",
                fix="try again, or use a mirror folder: `hw deps --mirror DIR`",
            ) from error

    def _hub(self, tarball: str, sha1: str, version: str, target: Path) -> tuple[Path, str]:
        if urlsplit(tarball).scheme not in {"https", urlsplit(self.settings.hub_url).scheme}:
            raise _damaged(tarball, "the hub names an address that is not https")
        return self._tarball(tarball, sha1, target)[0], version

    def _tarball(self, address: str, sha1: str, target: Path) -> tuple[Path, str]:
        local = self.settings.root / address
        content = local.read_bytes() if local.is_file() else _download(address)
        if sha1 and hashlib.sha1(content, usedforsecurity=False).hexdigest() != sha1:
            raise _damaged(address, "its checksum differs from the announced one")
        return unpack(content, target, address), "tarball"

    def _local(self, base: Path, entry: PackageEntry) -> Path:
        """Return a folder; what was fetched may name folders of what was fetched only."""
        path = _existing_folder(base, entry)
        fetched = self.staging.resolve()
        if base.resolve().is_relative_to(fetched) and not path.is_relative_to(fetched):
            raise _damaged(base.name, f"it asks for `{entry.shown}`, a folder outside of itself")
        return path

    def _git(self, entry: PackageEntry, target: Path) -> tuple[Path, str]:
        mirrored = find_mirrored(self.settings.mirror, _owner_and_name(entry.location))
        address = str(mirrored) if mirrored else entry.location
        folder = self.settings.root / address
        if not mirrored and folder.is_dir():
            address = str(folder.resolve())
        commit = git_checkout(address, entry.revision, target)
        path = (target / entry.subdirectory).resolve()
        if not path.is_relative_to(target.resolve()) or not path.is_dir():
            raise NotFound(
                "package-not-found",
                f"`{entry.shown}` has no folder `{entry.subdirectory}`",
                fix="correct `subdirectory`, or `revision` if another one has the folder",
                where=entry.where,
            )
        return path, commit


def _identity(entry: PackageEntry, base: Path) -> str:
    if entry.kind == "local":
        return str((base / entry.location).resolve())
    if entry.kind == "git":
        return entry.location.removesuffix("/").removesuffix(".git") + "#" + entry.subdirectory
    return entry.location


def _pinned(entry: PackageEntry, version: str) -> PackageEntry:
    match entry.kind:
        case "hub":
            return PackageEntry(kind="hub", location=entry.location, versions=(version,))
        case "git":
            return PackageEntry(
                kind="git",
                location=entry.location,
                unrendered=entry.unrendered,
                revision=version,
                subdirectory=entry.subdirectory,
            )
        case "local" | "tarball":
            return replace(entry, where=None)
        case _:
            assert_never(entry.kind)


def _asked_by(path: Path, name: str) -> tuple[PackageEntry, ...]:
    """Read what a package asks for itself, from the first of its lists that asks for anything."""
    for file in ("packages.yml", "dependencies.yml"):
        if (path / file).is_file():
            entries = parse_packages(f"{name}/{file}", _read_text(path / file))
            if entries:
                # Their places are in a file that is not the user's.
                return tuple(replace(entry, where=None) for entry in entries)
    return ()


def _project_name(path: Path, entry: PackageEntry) -> str:
    name = _read_yaml(path / "dbt_project.yml").get("name")
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name):
        raise NotFound(
            "package-not-found",
            f"`{entry.shown}` is no package: it has no `dbt_project.yml` with a `name`",
            fix="a package of a larger repository needs `subdirectory`",
            where=entry.where,
        )
    return name


def _existing_folder(base: Path, entry: PackageEntry) -> Path:
    path = base / entry.location
    if not path.is_dir():
        raise NotFound(
            "package-not-found",
            f"there is no folder `{path}`",
            fix="`local` is relative to the file that lists it: correct it",
            where=entry.where,
        )
    return path.resolve()


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except UnicodeDecodeError as error:
        raise Invalid(
            "package-damaged",
            f"cannot read `{path}`",
            why=str(error),
            fix="save it as UTF-8",
            where=Span(file=path.name),
        ) from error


def _read_yaml(path: Path) -> Mapping[str, Json]:
    loaded = read_yaml(path.name, _read_text(path))
    if isinstance(loaded, Diagnostic):
        raise Invalid(
            "package-damaged",
            f"cannot read `{path}`",
            why=loaded.what,
            fix=_DAMAGED_FIX,
            where=loaded.where,
        )
    return loaded.content if isinstance(loaded.content, dict) else {}


# Versions


def _version_of(name: str, known: Sequence[str], asked: Sequence[PackageEntry]) -> str:
    """Return the highest version that fits every range asked for.

    Raises:
        Conflict: No known version fits all, although each range alone may be met.
        NotFound: There is no version at all.
    """
    chosen = choose_version(known, asked)
    if chosen is not None:
        return chosen
    versions = {text: version for text in known if (version := parse_version(text))}
    newest = ", ".join(sorted(versions, key=versions.__getitem__)[-5:])
    ranges = ", ".join(text for entry in asked for text in entry.versions)
    why = f"asked for: {ranges or 'any'}; newest there are: {newest or 'none'}"
    where = next((entry.where for entry in asked if entry.where), None)
    fix = "take a `version` that there is, or `install-prerelease: true` if it is a prerelease"
    if len(asked) > 1:
        raise Conflict(
            "package-version-conflict",
            f"no version of `{name}` fits everyone",
            why=why,
            fix="widen the range in packages.yml, or take other versions of those that ask",
            where=where,
        )
    raise NotFound(
        "package-not-found", f"no version of `{name}` fits", why=why, fix=fix, where=where
    )


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
        raise Invalid(
            "git-failed",
            f"`{revision if revision.startswith('-') else address}` is no revision or address",
            why="git would take what starts with a hyphen for an option",
            fix="correct `git` or `revision` of the entry",
        )
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
            "git-failed",
            f"cannot run git for `{without_password(str(address))}`",
            why=without_password(str(error)),
            fix="install git and make sure that it is on the PATH and that the host answers",
        ) from error
    if done.returncode:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise Unavailable(
            "git-failed",
            f"git could not fetch `{without_password(str(address))}`",
            why=without_password(f"git {arguments[-1]}: {lines[-1] if lines else done.returncode}"),
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
        raise NotFound(
            "package-not-found",
            f"there is no file `{without_password(address)}`",
            fix="`tarball` is a file of the project, or an https, http or file address",
        )
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked
            content: bytes = answer.read(ARCHIVE_BYTES_MAX + 1)
    except urllib.error.HTTPError as error:
        raise NotFound(
            "package-not-found",
            f"`{without_password(address)}` answers {error.code}",
            fix="check the spelling of the package or of the address",
        ) from error
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        raise Unavailable(
            "package-offline",
            f"cannot reach `{urlsplit(address).hostname or address}`",
            why=str(getattr(error, "reason", error)),
            fix="try again, or use a mirror folder: `hw deps --mirror DIR`",
        ) from error
    if len(content) > ARCHIVE_BYTES_MAX:
        raise _damaged(address, f"it is larger than {ARCHIVE_BYTES_MAX} bytes")
    return content


class _Bounded(gzip.GzipFile):
    """Unpacks no more than a package may have, also of headers, which are read whole."""

    def read(self, size: int | None = -1) -> bytes:
        """Read on, up to the bound."""
        if self.tell() > UNPACKED_BYTES_MAX:
            message = "it unpacks to too much"
            raise tarfile.ReadError(message)
        return super().read(size)


def unpack(content: bytes, target: Path, source: str) -> Path:
    """Unpack a gzipped tar archive into an empty folder and return its single top folder.

    Raises:
        DataDamaged: It is no such archive, is too large, or holds links, devices or paths that
            leave the folder; nothing is written outside ``target`` in any case.
    """
    try:
        stream = _Bounded(fileobj=BytesIO(content))
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            _unpack_members(archive, target, source)
    except (tarfile.TarError, EOFError, zlib.error, *_CLASHES) as error:
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
    if any(len(part.encode()) > NAME_BYTES_MAX for part in path.parts):
        raise _damaged(source, f"the name `{member.name[:80]}...` is too long")
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
    return DataDamaged(
        "package-damaged",
        f"the package `{source}` must not be unpacked",
        why=why,
        fix=_DAMAGED_FIX,
    )


def _conflict(what: str, asked: Iterable[PackageEntry]) -> Conflict:
    listed = tuple(asked)
    why = "; ".join(
        f"{entry.kind} {entry.shown} {entry.revision or ', '.join(entry.versions)}".strip()
        for entry in listed
    )
    where = next((entry.where for entry in listed if entry.where), None)
    fix = "keep only one of them"
    return Conflict("package-version-conflict", what, why=why, fix=fix, where=where)


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


def lock_hash(entries: Iterable[PackageEntry]) -> str:
    """Return dbt's hash of the project's own entries, by which it knows a lock file that fits."""
    texts = sorted(json.dumps(_hashed(entry), sort_keys=True) for entry in entries)
    return hashlib.sha1("\n".join(texts).encode(), usedforsecurity=False).hexdigest()


def _hashed(entry: PackageEntry) -> dict[str, Json]:
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


def _write_lock(path: Path, entries: Sequence[PackageEntry], fetched: _Fetched) -> None:
    if not entries:
        path.unlink(missing_ok=True)
        return
    listed: list[Json] = [_lock_entry(installed) for installed, _ in fetched.values()]
    document: Json = {"packages": listed, "sha1_hash": lock_hash(entries)}
    text = write_yaml(document)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _lock_entry(installed: Installed) -> Json:
    entry = installed.package
    keys = {"hub": "package", "git": "git", "local": "local", "tarball": "tarball"}
    found: dict[str, Json] = {
        keys[entry.kind]: entry.unrendered or entry.location,
        "name": installed.name,
    }
    if entry.kind == "hub":
        found["version"] = installed.version
    if entry.kind == "git":
        found["revision"] = installed.version
        if entry.subdirectory:
            found["subdirectory"] = entry.subdirectory
    return found
