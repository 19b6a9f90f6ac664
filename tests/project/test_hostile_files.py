"""Broken, odd and harmful files: each ends in a finding, or in what dbt makes of it."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.project.conftest import Read, found, node_of, options, project_of, write

from headwater.base.codec import encode
from headwater.base.diagnostics import has_errors
from headwater.base.errors import Invalid
from headwater.project.files import read_files, read_profiles
from headwater.project.observed import Observer
from headwater.project.profiles import ProfileRequest, read_target
from headwater.project.project import ProjectResult
from headwater.project.read import read_project

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


def read_bytes(root: Path, files: Mapping[str, bytes]) -> ProjectResult:
    write(root, {"dbt_project.yml": "name: shop\n"})
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return read_project(read_files(root), options())


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"models/p.yml": LAUGHS + "models: *j\n"}, ("yaml-malformed", "models/p.yml:1:1")),
        (
            {"models/p.yml": "models: &m [{name: a, meta: {z: *m}}]\n"},
            ("yaml-malformed", "models/p.yml:1:1"),
        ),
        (
            {"models/p.yml": f"models: [{{name: a, meta: {{x: {'9' * 5000}}}}}]\n"},
            ("yaml-malformed", "models/p.yml:1:1"),
        ),
        (
            {"models/p.yml": "models: !!timestamp 2020-99-99\n"},
            ("yaml-malformed", "models/p.yml:1:1"),
        ),
        (
            {"models/p.yml": "models: !!python/object/apply:os.system [ls]\n"},
            ("yaml-malformed", "models/p.yml:1:9"),
        ),
        ({"models/p.yml": "models: []\n---\nmodels: []\n"}, ("yaml-malformed", "models/p.yml:2:1")),
        ({"models/p.yml": "models: []\n# é\0\n"}, ("yaml-malformed", "models/p.yml:2:4")),
        ({"models/p.yml": "models: [{? [1] : z}]\n"}, ("yaml-malformed", "models/p.yml:1:13")),
        (
            {"models/p.yml": "models: []\nmodels: []\n"},
            ("yaml-key-repeated", "models/p.yml:2:1"),
        ),
        (
            {"dbt_project.yml": "name: shop\nmodels: {}\nmodels: {}\n"},
            ("yaml-key-repeated", "dbt_project.yml:3:1"),
        ),
        (
            {"dbt_project.yml": f"name: shop\n{LAUGHS}vars: {{z: *j}}\n"},
            ("project-malformed", "dbt_project.yml:1:1"),
        ),
        (
            {"dbt_project.yml": "name: shop\nmodel-paths: models\n"},
            ("config-type", "dbt_project.yml:2:1"),
        ),
        (
            {"dbt_project.yml": "name: shop\nmacro-paths: [/etc]\n"},
            ("config-type", "dbt_project.yml:2:1"),
        ),
        (
            {"dbt_project.yml": "name: shop\nseed-paths: [1, null]\n"},
            ("config-type", "dbt_project.yml:2:1"),
        ),
        ({"models/a.sql": " \n\n"}, ("sql-empty", "models/a.sql:1:1")),
        ({"tests/a.sql": ""}, ("sql-empty", "tests/a.sql:1:1")),
    ],
)
def test_broken_file_is_a_finding_with_its_place(
    files: dict[str, str], expected: tuple[str, str], read: Read
) -> None:
    result = read({"models/good.sql": "select 1 as id", **files})

    assert expected in found(result)
    if expected[0] != "project-malformed":
        assert "model.shop.good" in project_of(result).nodes


def test_merge_keys_and_anchors_are_followed_and_are_no_repetition(read: Read) -> None:
    result = read(
        {
            "models/a.sql": "select 1 as id",
            "models/p.yml": (
                "anchors:\n  - &all {description: said once, config: {materialized: table}}\n"
                "models:\n  - <<: *all\n    name: a\n    description: own words\n"
            ),
        }
    )

    node = node_of(result, "model.shop.a")
    assert result.diagnostics == ()
    assert (node.description, node.materialized) == ("own words", "table")


def test_values_that_json_lacks_are_kept_as_something_that_it_has(read: Read) -> None:
    result = read(
        {
            "models/a.sql": "select 1 as id",
            "models/p.yml": (
                "models: [{name: a, config: {meta: "
                "{1: 2, 2.5: .nan, null: x, false: !!binary aGk=, s: !!set {b, a}}}}]\n"
            ),
        }
    )

    text = encode(dict(node_of(result, "model.shop.a").meta))
    assert text == b'{"1":2,"2.5":null,"null":"x","false":"aGk=","s":["b","a"]}'


def test_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    plain = {"models/a.sql": b"select 1 as id\nfrom x", "models/p.yml": b"models:\n  - name: a\n"}
    marked = {name: b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n") for name, text in plain.items()}

    expected = read_bytes(tmp_path / "plain", plain)
    actual = read_bytes(tmp_path / "marked", marked)

    assert actual.diagnostics == expected.diagnostics == ()
    codes = [node_of(result, "model.shop.a").raw_code for result in (actual, expected)]
    assert codes[0] == codes[1]


def test_dbt_project_that_is_not_text_is_said_once_and_is_not_missing(tmp_path: Path) -> None:
    result = read_bytes(tmp_path, {"dbt_project.yml": b"name: shop\n# caf\xe9\n"})

    assert found(result) == [("file-unreadable", "dbt_project.yml:2:6")]
    assert "0xe9 is not UTF-8" in result.diagnostics[0].what


@pytest.mark.timeout(20)
def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    os.mkfifo(tmp_path / "models/a.sql")

    result = read_bytes(tmp_path, {"models/b.sql": b"select 1 as id"})

    assert found(result) == [("file-unreadable", "models/a.sql:1:1")]
    assert list(project_of(result).nodes) == ["model.shop.b"]


def test_link_to_nowhere_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a.sql").symlink_to("nowhere")

    result = read_bytes(tmp_path, {})

    assert found(result) == [("file-unreadable", "models/a.sql:1:1")]


def test_link_that_leads_back_is_not_followed_and_another_is(tmp_path: Path) -> None:
    (tmp_path / "models/sub").mkdir(parents=True)
    (tmp_path / "models/sub/back").symlink_to("..")
    (tmp_path / "models/self").symlink_to(".")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/b.sql").write_text("select 1 as id", encoding="utf-8")
    (tmp_path / "models/linked").symlink_to("../shared")

    result = read_bytes(tmp_path, {"models/a.sql": b"select 1 as id"})

    assert result.diagnostics == ()
    assert list(project_of(result).nodes) == ["model.shop.a", "model.shop.b"]


@pytest.mark.timeout(20)
def test_ignore_file_with_many_wildcards_does_not_take_for_ever(read: Read) -> None:
    result = read(
        {
            ".dbtignore": "**/" * 50 + "x\n" + "*" * 60 + "y\n[a\n*(\n!\n\\\n",
            "models/" + "a/" * 60 + "b.sql": "select 1 as id",
            "models/x/c.sql": "select 1 as id",
        }
    )

    assert list(project_of(result).nodes) == ["model.shop.b"]


def test_empty_model_is_left_out_as_dbt_leaves_it_out(read: Read) -> None:
    result = read({"models/a.sql": "", "models/b.sql": "select 1 as id"})

    assert not has_errors(result.diagnostics)
    assert list(project_of(result).nodes) == ["model.shop.b"]
    assert list(project_of(result).disabled) == ["model.shop.a"]


def test_profiles_that_are_not_text_are_said_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "profiles.yml").write_bytes(b"shop:\n  \xff")

    with pytest.raises(Invalid) as raised:
        read_profiles(tmp_path, None, None, Observer())

    assert raised.value.code == "file-unreadable"
    assert str(raised.value.where).endswith("profiles.yml:2:3")


@pytest.mark.parametrize("target", ["[1]", "{a: b}", "7", "'{{ [1] }}'"])
def test_target_that_is_no_name_is_not_found(target: str) -> None:
    request = ProfileRequest(
        project="shop",
        profile="shop",
        text=f"shop: {{target: {target}, outputs: {{dev: {{type: headwater}}}}}}\n",
        environment={},
        vars={},
    )

    result = read_target(request)

    assert [item.name for item in result.diagnostics] == ["target-not-found"]
