"""Package lists and the choice of versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.project.package_list import package_values
from headwater.project.packages import (
    PackageEntry,
    choose_version,
    parse_package_list,
    parse_version,
    satisfies,
)


def hub(location: str, *versions: str) -> PackageEntry:
    return PackageEntry(kind="hub", location=location, versions=versions)


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
    "packages: [{package: a/b, version: new}]",
    "packages: [{package: a, version: 1.0.0}]",
    "packages: [{package: a/b}]",
    "- a",
    "packages: [{tarball: u}]",
    "packages: [{private: a/b}]",
]


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_list_is_a_finding(text: str) -> None:
    _, found = parse_package_list("packages.yml", text)

    assert [item.name for item in found] == ["packages-malformed"]


KNOWN = ("1.2.0", "1.9.0", "1.10.0", "2.0.0", "2.1.0-rc1", "latest")


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ((">=1.0.0",), "2.0.0"),
        (("<2.0.0",), "1.10.0"),
        (("1.2.0",), "1.2.0"),
        (("=1.2.0",), "1.2.0"),
        ((">1.2.0", "<1.10.0"), "1.9.0"),
        (("2.1.0-rc1",), "2.1.0-rc1"),
        (("9.9.9",), None),
    ],
)
def test_newest_version_in_range_is_chosen(ranges: tuple[str, ...], expected: str | None) -> None:
    assert choose_version(KNOWN, [hub("a/b", *ranges)]) == expected


def test_everybody_must_accept_the_version() -> None:
    entries = [hub("a/b", ">=1.2.0"), hub("a/b", "<1.10.0")]

    assert choose_version(KNOWN, entries) == "1.9.0"
    assert choose_version(KNOWN, [*entries, hub("a/b", ">=2.0.0")]) is None


@pytest.mark.parametrize("key", ["install-prerelease", "install_prerelease"])
def test_prerelease_is_chosen_when_an_entry_allows_it(key: str) -> None:
    text = f"packages: [{{package: a/b, version: '>=1.0.0', {key}: true}}]"
    entries, _ = parse_package_list("packages.yml", text)

    assert choose_version(KNOWN, entries) == "2.1.0-rc1"


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


SECRET = {"DBT_ENV_SECRET_TOKEN": "abc123"}


def test_a_secret_is_put_in_where_it_stands_whole() -> None:
    evaluate = package_values("packages.yml", SECRET, {})

    address = evaluate("https://u:{{ env_var('DBT_ENV_SECRET_TOKEN') }}@example.org/x.git")

    assert address == "https://u:abc123@example.org/x.git"


@pytest.mark.parametrize("filter_", ["join(' ')", "upper", "reverse", "list", "length"])
def test_no_filter_gets_hold_of_a_secret(filter_: str) -> None:
    text = f"{{{{ env_var('DBT_ENV_SECRET_TOKEN') | {filter_} }}}}"

    one, other = (
        package_values("packages.yml", {"DBT_ENV_SECRET_TOKEN": secret}, {})(text)
        for secret in ("abc123", "another")
    )

    assert one == other
