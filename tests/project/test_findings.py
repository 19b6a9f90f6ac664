"""Bad input: each fault has a code and a place, and none hides another."""

from pathlib import Path

import pytest
from tests.project.conftest import Read, found, options, project_of, write

from headwater.base.diagnostics import has_errors
from headwater.project.files import read_files
from headwater.project.read import read_project

CASES: list[tuple[str, dict[str, str], tuple[str, str]]] = [
    (
        "project file is not YAML",
        {"dbt_project.yml": "name: [shop\nx: 1\n"},
        ("project-malformed", "dbt_project.yml:2:2"),
    ),
    (
        "project file is a list",
        {"dbt_project.yml": "- name: shop\n"},
        ("project-malformed", "dbt_project.yml:1:1"),
    ),
    (
        "project has no name",
        {"dbt_project.yml": "version: 1\n"},
        ("project-malformed", "dbt_project.yml:1:1"),
    ),
    (
        "project file is empty",
        {"dbt_project.yml": ""},
        ("project-malformed", "dbt_project.yml:1:1"),
    ),
    (
        "project name is not a name",
        {"dbt_project.yml": "version: 1\nname: my-shop\n"},
        ("project-malformed", "dbt_project.yml:2:1"),
    ),
    (
        "project key is misspelt",
        {"dbt_project.yml": "name: shop\nmodle-paths: [m]\n"},
        ("unknown-key", "dbt_project.yml:2:1"),
    ),
    (
        "tree config has the wrong type",
        {"dbt_project.yml": "name: shop\nmodels:\n  shop:\n    +enabled: 'maybe'\n"},
        ("config-type", "dbt_project.yml:4:5"),
    ),
    (
        "tree config is misspelt",
        {"dbt_project.yml": "name: shop\nmodels:\n  +materialised: table\n"},
        ("unknown-key", "dbt_project.yml:3:3"),
    ),
    (
        "another dbt is asked for",
        {"dbt_project.yml": "name: shop\nrequire-dbt-version: ['>=1.0.0', '<1.5.0']\n"},
        ("version-not-supported", "dbt_project.yml:2:1"),
    ),
    (
        "properties have a tab",
        {"models/p.yml": "models:\n  - name: a\n\tcolumns: []\n"},
        ("yaml-malformed", "models/p.yml:3:1"),
    ),
    (
        "properties are a list",
        {"models/p.yml": "- a\n"},
        ("properties-shape", "models/p.yml:1:1"),
    ),
    (
        "models are a mapping",
        {"models/p.yml": "version: 2\nmodels:\n  a: {}\n"},
        ("properties-shape", "models/p.yml:2:1"),
    ),
    (
        "entry has no name",
        {"models/p.yml": "models:\n  - description: x\n"},
        ("properties-shape", "models/p.yml:2:5"),
    ),
    (
        "top-level key is misspelt",
        {"models/p.yml": "version: 2\nmodel:\n  - name: a\n"},
        ("unknown-key", "models/p.yml:2:1"),
    ),
    (
        "entry's key is misspelt",
        {"models/a.sql": "select 1", "models/p.yml": "models:\n  - name: a\n    colums: []\n"},
        ("unknown-key", "models/p.yml:3:5"),
    ),
    (
        "description of nothing",
        {"models/a.sql": "select 1", "models/p.yml": "models:\n  - name: aa\n"},
        ("properties-orphan", "models/p.yml:2:5"),
    ),
    (
        "docs block is missing",
        {
            "models/a.sql": "select 1",
            "models/p.yml": "models:\n  - name: a\n    description: \"{{ doc('no') }}\"\n",
        },
        ("doc-not-found", "models/p.yml:3:19"),
    ),
    (
        "test is unknown",
        {
            "models/a.sql": "select 1",
            "models/p.yml": "models:\n  - name: a\n    data_tests:\n      - uniqe\n",
        },
        ("test-unknown", "models/p.yml:4:9"),
    ),
    (
        "test has two names",
        {
            "models/a.sql": "select 1",
            "models/p.yml": "models:\n  - name: a\n    data_tests:\n      - {a: {}, b: {}}\n",
        },
        ("test-malformed", "models/p.yml:4:9"),
    ),
    (
        "tests are not a list",
        {
            "models/a.sql": "select 1",
            "models/p.yml": "models:\n  - name: a\n    data_tests: unique\n",
        },
        ("test-malformed", "models/p.yml:3:5"),
    ),
    (
        "severity is unknown",
        {
            "models/a.sql": "select 1",
            "models/p.yml": (
                "models:\n  - name: a\n    columns:\n      - name: id\n        data_tests:\n"
                "          - unique: {config: {severity: fatal}}\n"
            ),
        },
        ("config-type", "models/p.yml:6:13"),
    ),
    (
        "model is not valid Jinja",
        {"models/a.sql": "select\n{% if %}"},
        ("jinja-syntax", "models/a.sql:2:1"),
    ),
    (
        "model calls an unknown macro",
        {"models/a.sql": "select\n  {{ centz('x') }}"},
        ("macro-not-found", "models/a.sql:2:6"),
    ),
    (
        "model calls a package that is not installed",
        {
            "packages.yml": "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0\n",
            "models/a.sql": "select {{ dbt_utils.star(ref('b')) }}",
        },
        ("macro-not-found", "models/a.sql:1:11"),
    ),
    (
        "config call has the wrong type",
        {"models/a.sql": "{{ config(tags=7) }}select 1"},
        ("config-type", "models/a.sql:1:11"),
    ),
    (
        "config call is misspelt",
        {"models/a.sql": "{{ config(materialised='table') }}select 1"},
        ("unknown-key", "models/a.sql:1:11"),
    ),
    (
        "macro is never closed",
        {"macros/m.sql": "\n{% macro a() %}x"},
        ("jinja-syntax", "macros/m.sql:2:1"),
    ),
    (
        "macro is not valid Jinja",
        {"macros/m.sql": "\n{% macro a() %}{% if %}{% endmacro %}"},
        ("jinja-syntax", "macros/m.sql:2:1"),
    ),
    (
        "two macros have one name",
        {
            "macros/m.sql": "{% macro a() %}{% endmacro %}",
            "macros/n.sql": "\n{% macro a() %}{% endmacro %}",
        },
        ("duplicate-name", "macros/n.sql:2:1"),
    ),
    (
        "two models have one name",
        {"models/x/a.sql": "select 1", "models/y/a.sql": "select 2"},
        ("duplicate-name", "models/y/a.sql:1:1"),
    ),
    (
        "a model and a seed have one name",
        {"models/a.sql": "select 1", "seeds/a.csv": "id\n1\n"},
        ("duplicate-name", "seeds/a.csv:1:1"),
    ),
    (
        "two models are built as one table",
        {"models/a.sql": "select 1", "models/b.sql": "{{ config(alias='A') }}select 1"},
        ("duplicate-relation", "models/b.sql:1:1"),
    ),
    (
        "one model is described twice",
        {
            "models/a.sql": "select 1",
            "models/p.yml": "models:\n  - name: a\n  - name: a\n",
        },
        ("duplicate-name", "models/p.yml:3:5"),
    ),
    (
        "source's tables are text",
        {"models/s.yml": "sources:\n  - name: raw\n    tables: t\n"},
        ("properties-shape", "models/s.yml:3:5"),
    ),
    (
        "external location names an unknown field",
        {
            "models/s.yml": (
                "sources:\n  - name: raw\n    meta: {external_location: '{nope}.csv'}\n"
                "    tables: [{name: t}]\n"
            )
        },
        ("config-type", "models/s.yml:2:5"),
    ),
    (
        "Python model",
        {"models/a.py": "def model(dbt): ..."},
        ("model-language", "models/a.py:1:1"),
    ),
    (
        "documents that are not read",
        {"dbt_project.yml": "name: shop\nosi-paths: [osi]\n"},
        ("osi-not-read", "dbt_project.yml:2:1"),
    ),
    (
        "a version twice",
        {
            "models/a.sql": "select 1",
            "models/p.yml": "models:\n  - name: a\n    versions: [{v: 1}, {v: 1}]\n",
        },
        ("model-versions", "models/p.yml:3:24"),
    ),
    (
        "a version without a number",
        {
            "models/a.sql": "select 1",
            "models/p.yml": "models:\n  - name: a\n    versions: [{v: 1}, {w: 1}]\n",
        },
        ("model-versions", "models/p.yml:3:24"),
    ),
    (
        "a version without a file",
        {
            "models/a.sql": "select 1",
            "models/p.yml": "models:\n  - name: a\n    versions: [{v: 2}, {v: 1}]\n",
        },
        ("model-versions", "models/p.yml:3:24"),
    ),
    (
        "a latest version that there is not",
        {
            "models/a.sql": "select 1",
            "models/p.yml": "models:\n  - name: a\n    latest_version: 2\n    versions: [{v: 1}]\n",
        },
        ("model-versions", "models/p.yml:3:5"),
    ),
    (
        "a deprecation date that is none",
        {
            "models/a.sql": "select 1",
            "models/p.yml": "models:\n  - name: a\n    deprecation_date: soon\n",
        },
        ("properties-shape", "models/p.yml:3:5"),
    ),
    (
        "package entry names nothing",
        {"packages.yml": "packages:\n  - pakage: a/b\n"},
        ("packages-malformed", "packages.yml:2:5"),
    ),
    (
        "package is not installed",
        {"packages.yml": "packages:\n  - package: a/b\n    version: 1.0.0\n"},
        ("package-not-installed", "packages.yml:2:5"),
    ),
    (
        "environment variable is missing in properties",
        {
            "models/a.sql": "select 1",
            "models/p.yml": (
                "models:\n  - name: a\n    config:\n      alias: \"{{ env_var('NO') }}\"\n"
            ),
        },
        ("env-var-not-found", "models/p.yml:4:7"),
    ),
]


@pytest.mark.parametrize(
    ("files", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_fault_is_found_with_its_place(
    files: dict[str, str], expected: tuple[str, str], read: Read
) -> None:
    result = read(files)

    assert expected in found(result)
    assert len(found(result)) == len(set(found(result)))


def test_faults_are_shown_all_at_once_and_the_rest_is_read(read: Read) -> None:
    result = read(
        {
            "models/bad.sql": "{% if %}",
            "models/worse.sql": "{{ nope() }}",
            "models/good.sql": "select 1 as id",
            "models/bad.yml": "a: [",
            "models/good.yml": "models:\n  - name: good\n    data_tests: [nope]\n    columns:\n"
            "      - {name: id, data_tests: [unique]}\n",
        }
    )

    assert {code for code, _ in found(result)} == {
        "jinja-syntax",
        "macro-not-found",
        "yaml-malformed",
        "test-unknown",
    }
    assert "model.shop.good" in project_of(result).nodes
    assert sum(1 for node in project_of(result).nodes.values() if node.test) == 1


def test_folder_without_a_project_is_said(tmp_path: Path) -> None:
    result = read_project(read_files(tmp_path), options())

    assert result.project is None
    assert found(result) == [("project-not-found", "dbt_project.yml:1:1")]


def test_names_that_a_query_would_fill_are_not_unknown_macros(read: Read) -> None:
    result = read(
        {
            "models/a.sql": (
                "{% if execute %}{% set rows = run_query('select 1').rows %}{% endif %}"
                "{% for row in rows.items() %}{{ row.x() }}{% endfor %}{{ rows.count() }}"
                "{{ model.nope.x() }}select 1"
            ),
        }
    )

    assert not has_errors(result.diagnostics)


def test_suggestion_names_what_was_meant(read: Read) -> None:
    result = read(
        {
            "macros/m.sql": "{% macro cents(x) %}{{ x }}{% endmacro %}",
            "models/a.sql": "{{ centz('x') }}",
        }
    )

    assert [item.fix for item in result.diagnostics] == ["did you mean `cents`?"]


def test_one_fault_of_a_tree_is_said_once(read: Read) -> None:
    result = read(
        {
            "dbt_project.yml": "name: shop\nmodels: {+enabled: \"{{ env_var('NO') }}\"}\n",
            "models/a.sql": "select 1",
        }
    )

    assert found(result) == [("env-var-not-found", "dbt_project.yml:2:10")]


def test_file_that_is_not_text_is_said_and_skipped(tmp_path: Path) -> None:
    write(tmp_path, {"dbt_project.yml": "name: shop\n", "models/a.sql": "select 1"})
    (tmp_path / "models/b.sql").write_bytes(b"select \xff\xfe")

    result = read_project(read_files(tmp_path), options())

    assert found(result) == [("file-unreadable", "models/b.sql:1:8")]
    assert list(project_of(result).nodes) == ["model.shop.a"]


HOSTILE = {
    "deep YAML": ("models/p.yml", "models: " + "[" * 5000),
    "huge line": ("models/a.sql", "select " + "1," * 200_000 + "1"),
    "many braces": ("models/a.sql", "{{" * 2000),
    "deep expression": ("models/a.sql", "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}"),
    "endless loop": ("models/a.sql", "{% for i in range(10**9) %}x{% endfor %}"),
    "anchors": ("models/p.yml", "a: &a [x]\nmodels: [*a, *a]\n"),
    "null bytes": ("models/p.yml", "models: \0"),
    "odd name": ("models/a b'c.sql", "select 1"),
    "quotes in ref": ("models/a.sql", "{{ ref('a\"; drop') }}"),
    "self-including docs": ("models/d.md", "{% docs a %}{% docs b %}{% enddocs %}"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_ends_in_findings_and_not_in_an_exception(name: str, read: Read) -> None:
    file, text = HOSTILE[name]

    result = read({file: text, "models/other.sql": "select 1"})

    assert "model.shop.other" in project_of(result).nodes
