"""Package lists and the choice of versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.project.packages import (
    IndexedVersion,
    PackageEntry,
    parse_package_list,
    parse_version,
    resolve_packages,
    satisfies,
)


def hub(location: str, *versions: str, prerelease: bool = False) -> PackageEntry:
    return PackageEntry(
        kind="hub", location=location, versions=versions, install_prerelease=prerelease
    )


def indexed(*versions: str, packages: tuple[PackageEntry, ...] = ()) -> tuple[IndexedVersion, ...]:
    return tuple(
        IndexedVersion(version=version, name="p", url="u", packages=packages)
        for version in versions
    )


def test_every_kind_of_entry_is_read() -> None:
    text = (
        "packages:\n  - package: a/b\n    version: ['>=1.0.0', '<2.0.0']\n"
        "  - {package: c/d, version: '>=1.0.0,<2.0.0', install-prerelease: true}\n"
        "  - {git: 'https://x/y.git', revision: main, subdirectory: sub}\n"
        "  - local: ../z\n  - {tarball: 'https://x/t.tgz', name: t}\n"
    )

    entries, found = parse_package_list("packages.yml", text)

    assert found == ()
    assert [(entry.kind, entry.location) for entry in entries] == [
        ("hub", "a/b"),
        ("hub", "c/d"),
        ("git", "https://x/y.git"),
        ("local", "../z"),
        ("tarball", "https://x/t.tgz"),
    ]
    assert entries[0].versions == entries[1].versions == (">=1.0.0", "<2.0.0")
    assert (entries[2].revision, entries[2].subdirectory) == ("main", "sub")


MALFORMED = [
    "packages: x",
    "packages: [x]",
    "packages: [{}]",
    "packages: [{package: a, version: new}]",
    "- a",
    "packages: [{tarball: u}]",
    "packages: [{private: a/b}]",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_list_is_a_finding(text: str) -> None:
    _, found = parse_package_list("packages.yml", text)

    assert [item.name for item in found] == ["packages-malformed"]


def test_newest_version_that_everybody_accepts_is_chosen() -> None:
    index = {
        "a/a": indexed("1.0.0", "1.10.0", "1.9.0", "2.0.0"),
        "b/b": indexed("1.0.0", packages=(hub("a/a", "<1.10.0"),)),
    }

    result = resolve_packages([hub("a/a", ">=1.0.0"), hub("b/b")], index.get)

    assert result.diagnostics == ()
    assert {name: chosen.version for name, chosen in result.hub.items()} == {
        "a/a": "1.9.0",
        "b/b": "1.0.0",
    }


def test_prerelease_is_chosen_only_when_asked_for() -> None:
    index = {"a/a": indexed("1.0.0", "1.1.0-rc1")}

    def choose(entry: PackageEntry) -> str:
        return resolve_packages([entry], index.get).hub["a/a"].version

    assert choose(hub("a/a")) == "1.0.0"
    assert choose(hub("a/a", prerelease=True)) == "1.1.0-rc1"
    assert choose(hub("a/a", "1.1.0-rc1")) == "1.1.0-rc1"


def test_conflict_and_absence_are_findings() -> None:
    index = {
        "a/a": indexed("1.0.0", "2.0.0"),
        "b/b": indexed("1.0.0", packages=(hub("a/a", "<2.0.0"),)),
    }

    conflict = resolve_packages([hub("a/a", ">=2.0.0"), hub("b/b")], index.get)
    absence = resolve_packages([hub("x/x")], index.get)

    assert [item.name for item in conflict.diagnostics] == ["package-version-conflict"]
    assert [item.name for item in absence.diagnostics] == ["package-not-found"]


def test_packages_that_ask_for_each_other_settle() -> None:
    index = {
        "a/a": indexed("1.0.0", packages=(hub("b/b"),)),
        "b/b": indexed("1.0.0", packages=(hub("a/a"), PackageEntry(kind="git", location="g"))),
    }

    result = resolve_packages([hub("a/a")], index.get)

    assert sorted(result.hub) == ["a/a", "b/b"]
    assert [entry.location for entry in result.others] == ["g"]


numbers = st.integers(0, 30)


@given(st.tuples(numbers, numbers, numbers), st.tuples(numbers, numbers, numbers))
def test_versions_compare_by_number(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    first = parse_version(".".join(map(str, left)))
    second = parse_version(".".join(map(str, right)))

    assert first is not None
    assert second is not None
    assert (first < second) == (left < right)
    assert satisfies(first, [f">={second}"]) == (left >= right)
    assert satisfies(first, [f"<{second}"]) == (left < right)


def test_prereleases_sort_by_the_rules_of_semantic_versions() -> None:
    texts = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11",
             "1.0.0-rc.1", "1.0.0"]  # fmt: skip
    versions = [version for text in texts if (version := parse_version(text))]

    shuffled = (*versions[3:], *versions[:3])

    assert [str(version) for version in sorted(shuffled)] == texts
