"""`hw deps`: packages from folders, git, mirrors and archives; nothing is lost when it fails."""

import gzip
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from headwater import deps
from headwater.base.errors import HeadwaterError
from headwater.deps import (
    Installed,
    PackageEvent,
    PackageSettings,
    install_packages,
    lock_hash,
    parse_packages,
    unpack,
)
from headwater.project.packages import PackageEntry

Install = Callable[..., tuple[Installed, ...]]


def git(folder: Path, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        **{
            f"GIT_{who}_{what}": "t@example.org"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    return done.stdout.strip()


def write_package(folder: Path, name: str, needs: object = None, marker: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dbt_project.yml").write_text(f"name: {name}\nversion: '1.0'\n", encoding="utf-8")
    (folder / "marker.txt").write_text(marker, encoding="utf-8")
    if needs is not None:
        (folder / "packages.yml").write_text(yaml.safe_dump({"packages": needs}), encoding="utf-8")
    return folder


def write_repository(folder: Path, name: str, *tags: str, needs: object = None) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for tag in tags:
        write_package(folder, name, needs, marker=tag)
        git(folder, "add", "-A")
        git(folder, "commit", "--quiet", "-m", tag)
        git(folder, "tag", tag)
    return folder


def listed(*entries: object) -> tuple[PackageEntry, ...]:
    return parse_packages("packages.yml", yaml.safe_dump({"packages": list(entries)}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_package(tmp_path / "project", "shop")


@pytest.fixture
def install(root: Path) -> Install:
    def run(*entries: object, **options: object) -> tuple[Installed, ...]:
        settings = PackageSettings(root=root, folder=root / "dbt_packages", **options)  # type: ignore[arg-type]
        return install_packages(listed(*entries), settings)

    return run


def marker(root: Path, name: str) -> str:
    return (root / "dbt_packages" / name / "marker.txt").read_text(encoding="utf-8")


def test_local_package_stays_where_it_is(root: Path, install: Install) -> None:
    write_package(root.parent / "lib", "lib", marker="old")

    install({"local": "../lib"})
    write_package(root.parent / "lib", "lib", marker="edited")

    assert marker(root, "lib") == "edited"


def test_git_package_at_a_tag_a_branch_and_a_commit(root: Path, install: Install) -> None:
    repository = write_repository(root.parent / "lib", "lib", "1.0.0", "2.0.0")
    first = git(repository, "rev-parse", "1.0.0")

    for revision, expected in (("1.0.0", "1.0.0"), ("main", "2.0.0"), (first, "1.0.0")):
        (found,) = install({"git": f"file://{repository}", "revision": revision})
        assert marker(root, "lib") == expected
    assert found.version == first
    assert not (root / "dbt_packages" / "lib" / ".git").exists()


def test_hub_package_from_a_mirror_of_git_tags(root: Path, install: Install) -> None:
    write_repository(
        root.parent / "mirror/acme+lib-one/repo", "lib_one", "v1.0.0", "v1.2.0", "v2.0.0"
    )

    (found,) = install(
        {"package": "acme/lib_one", "version": [">=1.0.0", "<2.0.0"]}, mirror=root.parent / "mirror"
    )

    assert (found.name, found.version) == ("lib_one", "1.2.0")
    assert marker(root, "lib_one") == "v1.2.0"


def test_hub_package_from_a_mirror_of_folders(root: Path, install: Install) -> None:
    write_package(root.parent / "mirror/acme/lib/1.10.0", "lib", marker="new")
    write_package(root.parent / "mirror/acme/lib/1.9.0", "lib", marker="old")

    install({"package": "acme/lib", "version": ">=1.0.0"}, mirror=root.parent / "mirror")

    assert marker(root, "lib") == "new"


def test_packages_of_packages_are_fetched(root: Path, install: Install) -> None:
    write_package(root.parent / "mirror/acme/base/1.0.0", "base")
    write_package(
        root.parent / "mirror/acme/top/1.0.0", "top", [{"package": "acme/base", "version": "1.0.0"}]
    )

    found = install({"package": "acme/top", "version": "1.0.0"}, mirror=root.parent / "mirror")

    assert sorted(item.name for item in found) == ["base", "top"]


def test_range_of_a_package_narrows_the_choice(root: Path, install: Install) -> None:
    mirror = root.parent / "mirror"
    for version in ("1.0.0", "1.5.0", "2.0.0"):
        write_package(mirror / "acme/base" / version, "base", marker=version)
    write_package(mirror / "acme/top/1.0.0", "top", [{"package": "acme/base", "version": "<2.0.0"}])

    install(
        {"package": "acme/base", "version": ">=1.0.0"},
        {"package": "acme/top", "version": "1.0.0"},
        mirror=mirror,
    )

    assert marker(root, "base") == "1.5.0"


def test_versions_that_exclude_each_other_are_a_conflict(root: Path, install: Install) -> None:
    mirror = root.parent / "mirror"
    for version in ("1.0.0", "2.0.0"):
        write_package(mirror / "acme/base" / version, "base")
    write_package(mirror / "acme/top/1.0.0", "top", [{"package": "acme/base", "version": "<2.0.0"}])

    with pytest.raises(HeadwaterError) as caught:
        install(
            {"package": "acme/base", "version": "2.0.0"},
            {"package": "acme/top", "version": "1.0.0"},
            mirror=mirror,
        )

    assert caught.value.code == "package-version-conflict"
    assert "asked for: 2.0.0, <2.0.0" in caught.value.why
    assert str(caught.value.where).startswith("packages.yml:2")


def test_lock_file_keeps_versions_until_upgraded(root: Path, install: Install) -> None:
    mirror = root.parent / "mirror"
    entry = {"package": "acme/base", "version": ">=1.0.0"}
    write_package(mirror / "acme/base/1.0.0", "base", marker="1.0.0")
    install(entry, mirror=mirror)
    write_package(mirror / "acme/base/1.1.0", "base", marker="1.1.0")

    install(entry, mirror=mirror)
    kept = marker(root, "base")
    install(entry, mirror=mirror, upgrade=True)

    assert (kept, marker(root, "base")) == ("1.0.0", "1.1.0")
    lock = yaml.safe_load((root / "package-lock.yml").read_text(encoding="utf-8"))
    assert lock["packages"] == [{"name": "base", "package": "acme/base", "version": "1.1.0"}]


def test_lock_hash_is_the_one_that_dbt_writes() -> None:
    entries = listed(
        {"package": "dbt-labs/dbt_utils", "version": "1.3.3"},
        {"package": "godatadriven/dbt_date", "version": "0.17.1"},
        {"git": "https://github.com/dbt-labs/dbt-audit-helper.git", "revision": "main"},
        {"local": "../x"},
        {"tarball": "https://x/y.tgz", "name": "y"},
    )

    assert lock_hash(entries) == "cc24b69ccedc3e3f7a36bf06d820fb063e9fa3bc"


def test_package_no_longer_asked_for_is_removed_but_foreign_folders_stay(
    root: Path, install: Install
) -> None:
    write_package(root.parent / "lib", "lib")
    write_package(root.parent / "other", "other")
    install({"local": "../lib"}, {"local": "../other"})
    write_package(root / "dbt_packages/by_hand", "by_hand")

    install({"local": "../lib"})

    assert sorted(path.name for path in (root / "dbt_packages").iterdir()) == ["by_hand", "lib"]
    assert (root.parent / "other/dbt_project.yml").exists()


def test_failed_fetch_leaves_what_was_installed(root: Path, install: Install) -> None:
    repository = write_repository(root.parent / "lib", "lib", "1.0.0")
    install({"git": str(repository), "revision": "1.0.0"})
    lock = (root / "package-lock.yml").read_bytes()

    with pytest.raises(HeadwaterError) as caught:
        install(
            {"git": str(repository), "revision": "main"},
            {"git": str(root.parent / "nowhere"), "revision": "main"},
        )

    assert caught.value.code == "git-failed"
    assert marker(root, "lib") == "1.0.0"
    assert (root / "package-lock.yml").read_bytes() == lock
    assert [path.name for path in (root / "dbt_packages").iterdir()] == ["lib"]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"local": "../nowhere"}, "package-not-found"),
        ({"local": ".."}, "package-not-found"),
        ({"git": "../lib", "revision": "no-such-branch"}, "git-failed"),
        ({"git": "../lib", "revision": "--upload-pack=touch /tmp/x"}, "git-failed"),
        ({"git": "ext::sh -c whoami", "revision": "main"}, "git-failed"),
        ({"git": "../lib", "subdirectory": "../.."}, "package-not-found"),
        ({"package": "acme/lib", "version": "9.9.9"}, "package-not-found"),
        ({"package": "acme/unknown", "version": "1.0.0"}, "package-not-found"),
        ({"package": "acme/lib", "version": "one"}, "packages-malformed"),
        ({"package": "lib", "version": "1.0.0"}, "packages-malformed"),
        ({"package": "acme/lib"}, "packages-malformed"),
        ({"tarball": "gopher://x/y", "name": "y"}, "package-not-found"),
        ({"tarball": "http://127.0.0.1:9/y.tgz", "name": "y"}, "package-offline"),
        ("nonsense", "packages-malformed"),
    ],
)
def test_bad_entry_gets_a_clear_code(
    root: Path, install: Install, entry: object, code: str
) -> None:
    write_repository(root.parent / "lib", "lib", "1.0.0")
    write_package(root.parent / "mirror/acme/lib/1.0.0", "lib")

    with pytest.raises(HeadwaterError) as caught:
        install(entry, mirror=root.parent / "mirror")

    assert caught.value.code == code
    assert caught.value.fix


def test_read_only_folder_is_refused(root: Path, install: Install) -> None:
    (root / "dbt_packages").write_text("a file", encoding="utf-8")
    write_package(root.parent / "lib", "lib")

    with pytest.raises(HeadwaterError) as caught:
        install({"local": "../lib"})

    assert caught.value.code == "package-write-failed"


def archive_of(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            member.type = kind
            member.linkname = "/etc/passwd" if kind in {tarfile.SYMTYPE, tarfile.LNKTYPE} else ""
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), mtime=0)


def test_archive_is_unpacked_without_its_top_folder(root: Path, install: Install) -> None:
    content = archive_of(("lib-1.0/dbt_project.yml", b"name: lib"), ("lib-1.0/marker.txt", b"x"))
    (root / "lib.tgz").write_bytes(content)

    install({"tarball": "lib.tgz", "name": "lib"})

    assert marker(root, "lib") == "x"


HOSTILE: dict[str, Callable[[], bytes]] = {
    "parent": lambda: archive_of(("../evil", b"x")),
    "absolute": lambda: archive_of(("/tmp/evil", b"x")),  # noqa: S108 - must not be written
    "parent inside": lambda: archive_of(("a/../../evil", b"x")),
    "symbolic link": lambda: archive_of(("a/link", b""), kind=tarfile.SYMTYPE),
    "hard link": lambda: archive_of(("a/link", b""), kind=tarfile.LNKTYPE),
    "device": lambda: archive_of(("a/device", b""), kind=tarfile.CHRTYPE),
    "file and folder of one name": lambda: archive_of(("a", b"x"), ("a/b", b"x")),
    "folder and file of one name": lambda: archive_of(("a/b", b"x"), ("a", b"x")),
    "a name too long": lambda: archive_of(("a/" + "x" * 3000, b"x")),
    "no archive": lambda: b"no archive",
    "cut short": lambda: archive_of(("a/b", b"x" * 10_000))[:-30],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archive_is_refused(tmp_path: Path, name: str) -> None:
    content = HOSTILE[name]()
    target = tmp_path / "inner" / "target"
    target.mkdir(parents=True)

    with pytest.raises(HeadwaterError) as caught:
        unpack(content, target, "evil.tgz")

    assert caught.value.code == "package-damaged"
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]
    assert [path.name for path in (tmp_path / "inner").iterdir()] == ["target"]


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deps, "UNPACKED_BYTES_MAX", 100_000)
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 50_000_000
    content = gzip.compress(header.tobuf() + b"\0" * header.size)

    with pytest.raises(HeadwaterError) as caught:
        unpack(content, tmp_path, "bomb.tgz")

    assert caught.value.code == "package-damaged"


def test_a_fetched_package_cannot_ask_for_folders_of_the_machine(
    root: Path, install: Install
) -> None:
    private = write_package(root.parent / "private", "private")
    write_repository(root.parent / "lib", "lib", "1.0.0", needs=[{"local": str(private)}])

    with pytest.raises(HeadwaterError) as caught:
        install({"git": str(root.parent / "lib"), "revision": "1.0.0"})

    assert caught.value.code == "package-damaged"
    assert not (root / "dbt_packages" / "private").exists()


def hub_of(folder: Path, tarball: str, sha1: str = "") -> PackageSettings:
    """Make settings of a hub that is a folder, with one version of one package."""
    answer = {"versions": {"1.0.0": {"downloads": {"tarball": tarball, "sha1": sha1}}}}
    page = folder / "hub" / "api" / "v1" / "acme" / "lib.json"
    page.parent.mkdir(parents=True)
    page.write_text(json.dumps(answer), encoding="utf-8")
    url = (folder / "hub").as_uri()
    root = folder / "project"
    return PackageSettings(root=root, folder=root / "dbt_packages", hub_url=url)


@pytest.mark.parametrize("tarball", ["http://127.0.0.1:9/lib.tgz", "ftp://x/y", "/etc/passwd"])
def test_a_hub_that_names_other_than_https_is_not_followed(root: Path, tarball: str) -> None:
    settings = hub_of(root.parent, tarball)

    with pytest.raises(HeadwaterError) as caught:
        install_packages(listed({"package": "acme/lib", "version": "1.0.0"}), settings)

    assert (caught.value.code, caught.value.why) == (
        "package-damaged",
        "the hub names an address that is not https",
    )


def test_an_archive_of_the_hub_with_another_checksum_is_refused(root: Path) -> None:
    archive = root.parent / "lib.tgz"
    archive.write_bytes(archive_of(("lib-1.0/dbt_project.yml", b"name: lib")))
    settings = hub_of(root.parent, archive.as_uri(), "0" * 40)

    with pytest.raises(HeadwaterError) as caught:
        install_packages(listed({"package": "acme/lib", "version": "1.0.0"}), settings)

    assert (caught.value.code, caught.value.why) == (
        "package-damaged",
        "its checksum differs from the announced one",
    )


def test_repository_with_a_link_out_of_it_is_refused(root: Path, install: Install) -> None:
    repository = write_repository(root.parent / "lib", "lib", "1.0.0")
    (repository / "models").symlink_to("/etc")
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "link")

    with pytest.raises(HeadwaterError) as caught:
        install({"git": str(repository), "revision": "main"})

    assert caught.value.code == "package-damaged"


def test_progress_is_told(root: Path) -> None:
    write_package(root.parent / "lib", "lib")
    seen: list[PackageEvent] = []
    settings = PackageSettings(root=root, folder=root / "dbt_packages")

    install_packages(listed({"local": "../lib"}), settings, seen.append)

    assert [(event.kind, event.name) for event in seen] == [
        ("fetching", "../lib"),
        ("installed", "lib"),
    ]


def test_a_secret_in_an_address_is_neither_locked_nor_told(root: Path) -> None:
    repository = write_repository(root.parent / "secret-place", "hidden", "v1")
    text = f"packages:\n  - git: 'file://{root.parent}/{{{{ place }}}}'\n    revision: v1\n"

    def evaluate(value: str) -> str:
        return value.replace("{{ place }}", "secret-place")

    told: list[str] = []
    settings = PackageSettings(root=root, folder=root / "dbt_packages", evaluate=evaluate)
    entries = parse_packages("packages.yml", text, evaluate)
    install_packages(entries, settings, lambda event: told.append(event.name))
    locked = (root / "package-lock.yml").read_text()
    (again,) = install_packages(entries, settings)

    assert "secret-place" not in locked + "".join(told)
    assert "{{" in locked
    assert again.package.location == f"file://{repository}"


def test_a_password_in_an_address_is_not_told(root: Path) -> None:
    address = "https://somebody:hush@127.0.0.1:1/x.git"
    settings = PackageSettings(root=root, folder=root / "dbt_packages")
    told: list[str] = []

    with pytest.raises(HeadwaterError) as refused:
        install_packages(listed({"git": address}), settings, lambda event: told.append(event.name))

    assert "hush" not in "".join((refused.value.what, refused.value.why, *told))
