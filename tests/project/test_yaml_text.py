"""YAML that was kept is the YAML that was read: the same values, the same places."""

from pathlib import Path

import pytest

from headwater.base.diagnostics import Diagnostic
from headwater.base.spans import Span
from headwater.project.yaml_text import YamlFile, read_yaml
from headwater.runs.caches import FileCache

TEXTS = {
    "empty": "",
    "a word": "word",
    "models": "models:\n  - name: a\n    columns:\n      - {name: id, data_tests: [unique]}\n",
    "aliases": "a: &x {k: [1, 2]}\nb: *x\nc:\n  <<: *x\n  d: 3\n",
    "odd keys": "1: a\ntrue: b\n~: c\n2.5: d\n2020-01-01: e\n? [1]\n: f\n",
    "odd values": "a: 2020-01-01\nb: 123456789012345678901234567890\nc: .inf\nd: !!set {x, y}\n",
    "letters": "näme: 'ü'\n'q\"': |\n  two\n  lines\n",
}
PATHS = [(), ("models",), ("models", 0), ("models", 0, "columns", 0, "data_tests", 0),
         ("b", "k", 1), ("c", "d"), ("näme",), ("1",), ("nothing", 3)]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_what_was_kept_is_read_again_with_all_its_places(text: str, tmp_path: Path) -> None:
    kept = FileCache(tmp_path / "kept", "tag")
    first = read_yaml("a.yml", text, kept)
    kept.save()

    again = read_yaml("other.yml", text, FileCache(tmp_path / "kept", "tag"))
    fresh = read_yaml("other.yml", text)

    if isinstance(fresh, Diagnostic):
        assert (again, type(first)) == (fresh, Diagnostic)
        return
    assert isinstance(again, YamlFile)
    assert again == fresh
    assert [again.span(*path) for path in PATHS] == [fresh.span(*path) for path in PATHS]


def test_faults_and_repeated_keys_are_not_kept(tmp_path: Path) -> None:
    kept = FileCache(tmp_path / "kept", "tag")

    for _ in range(2):
        assert isinstance(read_yaml("a.yml", "a: [", kept), Diagnostic)
        repeated = read_yaml("a.yml", "a: 1\na: 2\n", kept)
        assert isinstance(repeated, YamlFile)
        assert [each.where for each in repeated.repeated] == [Span(file="a.yml", line=2, column=1)]


def test_a_place_is_that_of_the_key_or_of_the_item() -> None:
    loaded = read_yaml("a.yml", "list:\n  - first\n  - name: second\n    far: {deep: 1}\n")
    assert isinstance(loaded, YamlFile)

    found = [loaded.span("list", 0), loaded.span("list", 1), loaded.span("list", 1, "far", "deep")]

    assert [(each.line, each.column, each.end_column) for each in found] == [
        (2, 5, 10),
        (3, 5, None),
        (4, 11, 15),
    ]
