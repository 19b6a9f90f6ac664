"""Public projects and peers for comparison: fetched for a test, cached, never committed."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import pytest

CACHE = Path(os.environ.get("HEADWATER_TEST_CACHE", Path.home() / ".cache" / "headwater-tests"))
PROJECTS = os.environ.get("HEADWATER_TEST_PROJECTS", "")
NO_STUBS: Mapping[str, str] = MappingProxyType({})
CLONE_SECONDS_MAX = 60
INSTALL_SECONDS_MAX = 900


def fetch(
    repository: str, folder: Path, revision: str = "HEAD", *, under: str = ""
) -> tuple[str, ...]:
    """Put the files of a public repository into ``folder``, from a local clone or its host.

    ``HEADWATER_TEST_PROJECTS`` names a folder of clones called ``owner+name`` or ``owner/name``;
    without it the repository is cloned from GitHub. Skips the test when neither can be had.

    Args:
        repository: ``owner/name``.
        folder: Where the files go, at their paths in the repository.
        revision: A commit or a name of one.
        under: Only what lies under this path.

    Returns:
        Paths that the revision lists and the clone lacks: a partial clone leaves out large files.
    """
    clone = _local_clone(repository) or _clone_or_none(repository)
    if clone is None:
        pytest.skip(
            f"cannot clone {_url(repository)}; "
            "or name a folder of clones: HEADWATER_TEST_PROJECTS=DIR"
        )
    return _write_files(clone, folder, revision, under)


def _write_files(clone: Path, folder: Path, revision: str, under: str) -> tuple[str, ...]:
    columns = "--format=%(objecttype) %(objectname) %(path)"
    paths = ("--", under) if under else ()
    listed = _git(clone, "ls-tree", "-r", "-z", columns, revision, *paths).stdout.decode()
    entries = [line.split(" ", 2) for line in listed.split("\0")[:-1]]
    blobs = [(blob, path) for kind, blob, path in entries if kind == "blob"]
    contents = _git(
        clone, "cat-file", "--batch", given="".join(f"{blob}\n" for blob, _ in blobs).encode()
    ).stdout
    missing: list[str] = []
    at = 0
    for _, path in blobs:
        end = contents.index(b"\n", at)
        heading, at = contents[at:end].split(), end + 1
        if heading[1] == b"missing":
            missing.append(path)
            continue
        size = int(heading[2])
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(contents[at : at + size])
        at += size + 1
    return tuple(missing)


def _git(
    clone: Path, *arguments: str, given: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["git", "-C", str(clone), *arguments],
        capture_output=True,
        check=True,
        input=given,
        env={**os.environ, "GIT_NO_LAZY_FETCH": "1"},
    )


def _local_clone(repository: str) -> Path | None:
    if not PROJECTS:
        return None
    owner, name = repository.split("/")
    for candidate in (f"{owner}+{name}/repo", f"{owner}+{name}", repository, name):
        if (Path(PROJECTS) / candidate).exists():
            return Path(PROJECTS) / candidate
    return None


@lru_cache
def _clone_or_none(repository: str) -> Path | None:
    """Clone once; what cannot be cloned is not tried again by the next test."""
    clone = CACHE / "clones" / repository.replace("/", "+")
    if clone.exists():
        return clone
    partial = clone.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            ["git", "clone", "--quiet", "--bare", _url(repository), str(partial)],
            check=True,
            capture_output=True,
            timeout=CLONE_SECONDS_MAX,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    partial.rename(clone)
    return clone


def _url(repository: str) -> str:
    return f"https://github.com/{repository}.git"


def peer_python(*requirements: str, stubs: Mapping[str, str] = NO_STUBS) -> Path:
    """Return the Python of an environment of its own that holds the peer; made once, then kept.

    Args:
        requirements: What pip shall install there.
        stubs: Versions of distributions that are to count as installed without being there: what a
            peer asks for and never imports.
    """
    name = "-".join(requirements).replace("==", "-").replace("[", "-").replace("]", "")
    home = CACHE / "peers" / f"{name}-py{sys.version_info.major}{sys.version_info.minor}"
    python = home / "bin" / "python"
    if (home / ".ready").exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True)
    for distribution, version in stubs.items():
        packages = next((home / "lib").glob("python*")) / "site-packages"
        facts = packages / f"{distribution.replace('-', '_')}-{version}.dist-info"
        facts.mkdir()
        text = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        (facts / "METADATA").write_text(text, encoding="utf-8")
    ended = subprocess.run(
        [str(python), "-m", "pip", "install", "-q", *requirements],
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS_MAX,
        check=False,
    )
    if ended.returncode:
        pytest.skip(f"cannot install the peer: pip install {' '.join(requirements)}")
    (home / ".ready").touch()
    return python
