"""Answers given again: `hw parse` and `hw ls` never say what is no longer so."""

import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.main import run

FILES = {
    "dbt_project.yml": "name: shop\nprofile: shop\nmodels:\n  shop:\n    +tags: [a]\n",
    "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: headwater, schema: main}\n"
    "    prod: {type: headwater, schema: prod}\n",
    "models/orders.sql": "select 1 as id",
    "models/late/paid.sql": "select id from {{ ref('orders') }} {{ colour() }}",
    "models/schema.yml": "models:\n  - name: orders\n    columns:\n"
    "      - {name: id, data_tests: [unique]}\n",
    "macros/colour.sql": "{% macro colour() %}-- {{ env_var('SHOP_COLOUR', 'red') }}{% endmacro %}",
    "seeds/lands.csv": "code\nde\n",
    "dbt_packages/tools/dbt_project.yml": "name: tools\n",
    "dbt_packages/tools/models/tool.sql": "select 1 as a",
}


@dataclass(frozen=True, slots=True)
class Shop:
    """A project in a folder, and commands in it."""

    root: Path
    capsys: pytest.CaptureFixture[str]

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def said(self, *arguments: str) -> str:
        self.capsys.readouterr()
        run(list(arguments))
        captured = self.capsys.readouterr()
        return captured.out + captured.err

    def manifest(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.root / "target/manifest.json").read_text())
        return document


@pytest.fixture
def shop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shop:
    root = tmp_path / "shop"
    made = Shop(root, capsys)
    for name, text in FILES.items():
        made.write(name, text)
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in list(os.environ):
        if name.startswith(("DBT_", "HEADWATER_", "XDG_", "SHOP_")):
            monkeypatch.delenv(name)
    return made


def answers(shop: Shop) -> list[Path]:
    return sorted((shop.root.parent / ".cache/headwater/answers").rglob("*"))


def test_the_second_parse_answers_alike_and_renews_what_the_manifest_says_of_it(
    shop: Shop,
) -> None:
    first = shop.said("parse")
    before = shop.manifest()

    second = shop.said("parse")
    after = shop.manifest()

    assert second == first
    assert before["metadata"]["invocation_id"] != after["metadata"]["invocation_id"]
    del before["metadata"], after["metadata"]
    assert after == before


def test_a_kept_answer_is_given_without_reading_the_project(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = shop.said("ls")
    parsed = shop.said("parse")

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the project was read again")

    monkeypatch.setattr("headwater.reader.Reader.open", refuse)

    assert shop.said("ls") == listed
    assert shop.said("parse") == parsed


CHANGES: dict[str, Callable[[Shop], object]] = {
    "a model's text": lambda shop: shop.write("models/orders.sql", "select 2 as id, 3 as b"),
    "a new model": lambda shop: shop.write("models/new.sql", "select 1"),
    "a new model in a new folder": lambda shop: shop.write("models/x/y/new.sql", "select 1"),
    "a model taken away": lambda shop: (shop.root / "models/late/paid.sql").unlink(),
    "a model moved": lambda shop: (shop.root / "models/late").rename(shop.root / "models/moved"),
    "a macro": lambda shop: shop.write("macros/colour.sql", "{% macro colour() %}{% endmacro %}"),
    "properties": lambda shop: shop.write("models/schema.yml", "models: []\n"),
    "the project file": lambda shop: shop.write("dbt_project.yml", "name: shop\nprofile: shop\n"),
    "a folder named by the project file": lambda shop: shop.write(
        "dbt_project.yml", "name: shop\nprofile: shop\nmodel-paths: [models, more]\n"
    ),
    "the profile": lambda shop: shop.write(
        "profiles.yml",
        "shop:\n  target: dev\n  outputs:\n    dev: {type: headwater, schema: b}\n",
    ),
    "a file that hides files": lambda shop: shop.write(".dbtignore", "late\n"),
    "a seed": lambda shop: shop.write("seeds/lands.csv", "code\nfr\n"),
    "a package's model": lambda shop: shop.write("dbt_packages/tools/models/tool.sql", "select 2"),
    "a package": lambda shop: shop.write("dbt_packages/more/dbt_project.yml", "name: more\n"),
    "the variables' file": lambda shop: shop.write("vars.yml", "vars: {x: 1}\n"),
    "our own settings": lambda shop: shop.write("headwater.yml", "target: prod\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_changes_is_answered_anew(
    shop: Shop, change: Callable[[Shop], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.said("parse")
    shop.said("ls", "--output", "json")
    times = {path: path.stat() for path in shop.root.rglob("*") if path.is_file()}
    change(shop)
    for path, was in times.items():
        if path.exists():  # times say nothing
            os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    parsed, listed = shop.said("parse"), shop.said("ls", "--output", "json")
    manifest = shop.manifest()

    monkeypatch.setenv("HEADWATER_CACHE_DIR", "off")
    assert parsed == shop.said("parse")
    assert listed == shop.said("ls", "--output", "json")
    expected = shop.manifest()
    del manifest["metadata"], expected["metadata"]
    assert manifest == expected


def test_a_variable_of_the_environment_that_a_macro_reads_counts_and_no_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write("models/coloured.sql", "{{ config(tags=[env_var('SHOP_COLOUR', 'red')]) }} select 1")
    listed = [shop.said("ls", "-s", "tag:blue")]
    monkeypatch.setenv("SHOP_COLOUR", "blue")
    listed.append(shop.said("ls", "-s", "tag:blue"))
    kept = answers(shop)
    monkeypatch.setenv("SHOP_OTHER", "x")
    listed.append(shop.said("ls", "-s", "tag:blue"))

    assert ["shop.coloured" in text for text in listed] == [False, True, True]
    assert answers(shop) == kept


def test_options_and_targets_have_answers_of_their_own(shop: Shop) -> None:
    shop.write("models/named.sql", "{{ config(alias=var('name', 'plain')) }} select 1 as a")
    asked = [
        ("ls", "--output", "json", "--output-keys", "alias", "-s", "named"),
        ("ls", "--output", "json", "--output-keys", "alias", "-s", "named", "--vars", "name: x"),
        ("ls", "--output", "json", "--output-keys", "database", "-s", "named"),
        ("ls", "--output", "name", "-s", "named"),
        ("ls", "--output", "name", "-s", "orders"),
    ]

    first = [shop.said(*each) for each in asked]

    assert [shop.said(*each) for each in asked] == first
    assert len(set(first)) == len(asked)


@pytest.mark.parametrize(
    "text",
    [
        "{{ config(tags=[run_started_at.isoformat()]) }} select 1",
        "{{ config(tags=[invocation_id]) }} select 1",
        "{{ config(tags=[modules.datetime.datetime.now().isoformat()]) }} select 1",
        "{{ config(tags=[context['run_started_at'].isoformat()]) }} select 1",
        "{{ config(tags=[var('now')]) }} select 1",
        "{{ config(tags=[var('later')]) }} select 1",
        "{% set t %}{{ run_started_at }}{% endset %}{{ config(tags=[t]) }} select 1",
        "{% set t %}{{ run_started_at }}{% endset %}{% set u = t %}{{ config(tags=[u]) }}",
        "{% set t | trim %}{{ run_started_at }}{% endset %}{{ config(tags=[t]) }} select 1",
        "{% set n=namespace() %}{% set n.t %}{{ invocation_id }}{% endset %}{{ config(tags=n.t) }}",
        "{% for x in [[[]]] recursive %}{{ invocation_id }}{{ config(tags=loop(x)) }}{% endfor %}",
        "{% call(x) cased() %}{{ run_started_at }}{% endcall %} select 1",
        "{{ config(tags=[cased()]) }} select '{{ run_started_at }}'",
    ],
)
def test_what_depends_on_the_time_is_not_kept(shop: Shop, text: str) -> None:
    variables = "vars: {now: '{{ run_started_at }}', later: \"{{ var('now') }}\"}\n"
    shop.write("dbt_project.yml", FILES["dbt_project.yml"] + variables)
    cased = "{% macro cased() %}{% if caller %}{{ config(tags=[caller(1)]) }}{% endif %}"
    shop.write("macros/cased.sql", cased + "{{ invocation_id }}{% endmacro %}")
    shop.write("models/timely.sql", text)

    first = shop.said("ls", "-s", "timely", "--output", "json")

    assert shop.said("ls", "-s", "timely", "--output", "json") != first


@pytest.mark.parametrize(
    "text",
    [
        "select '{{ run_started_at }}' as at, '{{ invocation_id }}' as id",
        "select '{{- run_started_at.strftime('%Y') -}}' as year, '{{ var(\"now\") }}' as now",
        "{% set t %}'{{ run_started_at }}'{% endset %} select {{ t }} as at",
        "{{ config(meta={'hook': '{{ run_started_at }}'}) }} select '{{ run_started_at }}'",
        "{% set n = 1 %}{% if n %}select '{{ invocation_id }}'{% endif %}",
    ],
)
def test_what_only_shows_the_time_is_kept(shop: Shop, text: str) -> None:
    shop.write("dbt_project.yml", FILES["dbt_project.yml"] + "vars: {now: '{{ run_started_at }}'}")
    shop.write("models/timely.sql", text)

    first = shop.said("ls", "-s", "timely", "--output", "json")

    assert answers(shop) != []
    assert shop.said("ls", "-s", "timely", "--output", "json") == first
    if "hook" in text:
        assert "{{ run_started_at }}" in first


def test_a_date_after_which_a_model_is_deprecated_is_looked_at_every_time(shop: Shop) -> None:
    shop.write("models/old.yml", "models: [{name: orders, deprecation_date: 2999-01-01}]\n")
    shop.write("models/schema.yml", "")

    shop.said("parse")

    assert answers(shop) == []


def test_a_listing_by_what_a_run_left_is_made_anew_after_another_run(shop: Shop) -> None:
    results = {"results": [{"unique_id": "model.shop.orders", "status": "error"}]}
    shop.write("target/run_results.json", json.dumps(results))
    first = shop.said("ls", "-s", "result:error")
    results["results"][0]["unique_id"] = "model.shop.paid"
    shop.write("target/run_results.json", json.dumps(results))

    assert first.split() == ["shop.orders", "shop.unique_orders_id"]
    assert shop.said("ls", "-s", "result:error").split() == ["shop.late.paid"]


def test_a_manifest_that_somebody_changed_is_written_again(shop: Shop) -> None:
    shop.said("parse")
    expected = shop.manifest()["nodes"]
    path = shop.root / "target/manifest.json"
    for damage in (path.read_text().replace("orders", "0rders"), "", '{"metadata":{'):
        path.write_text(damage)
        shop.said("parse")
        assert shop.manifest()["nodes"] == expected
    path.unlink()
    shop.said("parse")
    assert shop.manifest()["nodes"] == expected


def test_faults_are_found_again_every_time(shop: Shop) -> None:
    shop.write("models/broken.sql", "select {{ nope( }}")

    assert "broken.sql" in shop.said("parse")
    assert "broken.sql" in shop.said("parse")


def test_a_damaged_answer_is_no_answer(shop: Shop) -> None:
    listed = shop.said("ls")
    for path in answers(shop):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-3] + b"xyz")

    assert shop.said("ls") == listed


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(shop: Shop) -> None:
    shop.said("ls")
    path = shop.root / "models/orders.sql"
    path.unlink()
    os.mkfifo(path)

    assert "not a regular file" in shop.said("ls")


EDITED = {
    "plain SQL": "select id, 2 as b from {{ ref('orders') }} {{ colour() }}",
    "a comment of the template": "{# why #}select id from {{ ref('orders') }} {{ colour() }}",
    "blank ends": "\n\nselect id from {{ ref('orders') }} {{ colour() }}  \n",
    "other letters": "select 'ü\"\\' as \u00b5 from {{ ref('orders') }} {{ colour() }}",
}


@pytest.mark.parametrize("text", EDITED.values(), ids=EDITED.keys())
def test_an_edit_of_plain_sql_is_answered_without_reading_the_project(
    shop: Shop, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, parsed = shop.said("ls"), shop.said("parse")
    opened = "headwater.reader.Reader.open"
    with monkeypatch.context() as refusing:
        refusing.setattr(opened, lambda *_, **__: pytest.fail("the project was read again"))
        for count in range(2):
            shop.write("models/late/paid.sql", text + f" -- {count}")
            assert (shop.said("ls"), shop.said("parse")) == (listed, parsed)
        assert (shop.said("ls"), shop.said("parse")) == (listed, parsed)
    manifest = shop.manifest()

    monkeypatch.setenv("HEADWATER_CACHE_DIR", "off")
    shop.said("parse")
    expected = shop.manifest()
    del manifest["metadata"], expected["metadata"]
    assert manifest == expected


@pytest.mark.parametrize(
    "macro",
    [
        "{% if 'gold' in model.raw_code %}",
        "{% if 'gold' in model['raw_code'] %}",
        "{% if 'gold' in model.get('raw_code') %}",
        "{% if 'gold' in model | string %}",
        "{% if 'gold' in tojson(model) %}",
        "{% if 'gold' in (model.values() | list) | join %}",
        "{% set found = dict(model) %}{% if 'gold' in found.raw_code %}",
        "{% if 'gold' in context['model'].items() | list | string %}",
    ],
)
def test_a_macro_that_looks_at_the_text_is_asked_again_after_every_edit(
    shop: Shop, macro: str
) -> None:
    deed = "{{ config(tags=['rich']) }}"
    shop.write(
        "macros/weigh.sql", f"{{% macro weigh() %}}{macro}{deed}{{% endif %}}{{% endmacro %}}"
    )
    shop.write("models/weighed.sql", "{{ weigh() }} select 1 as id")
    before = shop.said("ls", "--output", "json")
    shop.write("models/weighed.sql", "{{ weigh() }} select 1 as gold")

    assert "rich" not in before
    assert "rich" in shop.said("ls", "--output", "json")


def test_names_made_of_a_models_checksum_are_made_again(shop: Shop) -> None:
    shop.write(
        "macros/names.sql",
        "{% macro generate_alias_name(custom, node) %}"
        "{{ node.name }}_{{ node.checksum.checksum[:6] }}{% endmacro %}",
    )
    asked = ("ls", "-s", "paid", "--output", "json", "--output-keys", "alias")
    before = shop.said(*asked)
    shop.write("models/late/paid.sql", FILES["models/late/paid.sql"] + "-- more")

    assert shop.said(*asked) != before


def test_a_listing_of_texts_or_of_changed_texts_is_made_anew_after_every_edit(
    shop: Shop,
) -> None:
    shop.said("parse")
    shop.write("before/manifest.json", (shop.root / "target/manifest.json").read_text())
    changed = ("ls", "-s", "state:modified", "--state", "before")
    texts = ("ls", "-s", "paid", "--output", "json", "--output-keys", "raw_code")
    sums = ("ls", "-s", "paid", "--output", "json", "--output-keys", "checksum.checksum")
    first = [shop.said(*asked) for asked in (changed, texts, sums)]
    shop.write("models/late/paid.sql", FILES["models/late/paid.sql"] + "-- more")

    second = [shop.said(*asked) for asked in (changed, texts, sums)]

    assert "shop.late.paid" not in first[0]
    assert "shop.late.paid" in second[0]
    assert all(one != other for one, other in zip(first, second, strict=True))


def test_a_finding_whose_place_an_edit_moves_is_found_again(shop: Shop) -> None:
    shop.write("models/odd.sql", "{{ config(materialised='table') }} select 1 as id")
    first = shop.said("parse")
    shop.write("models/odd.sql", "-- one\n-- two\n{{ config(materialised='table') }} select 1")

    assert "odd.sql:1" in first
    assert "odd.sql:3" in shop.said("parse")


TEXTS = (
    "select 1 as id",
    "select 2 as id -- other",
    "select * from {{ ref('orders') }}",
    "select a, b from {{ ref('orders') }} where true",
    "{{ config(tags='t') }}select 2",
    "{{ config(tags='t') }}\n\nselect 3",
    "{% set x %}t{% endset %}{{ config(tags=x) }} select 1",
    "{% set x %}u{% endset %}{{ config(tags=x) }} select 1",
    "{% if model.raw_code | length > 70 %}{{ config(tags='long') }}{% endif %} select 1",
    "{% if model.raw_code | length > 70 %}{{ config(tags='long') }}{% endif %} select 1 as longer",
    "{{ config(tags='}}') }} a",
    "{{ config(tags='}} b {{') }} a",
    "{% raw %}{{ config(tags='r') }}{% endraw %}",
    "   ",
)


def edit(shop: Shop, dice: random.Random) -> None:
    name = dice.choice(["models/a.sql", "models/b.sql", "models/deep/c.sql", "models/orders.sql"])
    deed = dice.choice(["write", "write", "write", "remove", "restore", "nothing", "macro"])
    if deed == "write":
        shop.write(name, dice.choice(TEXTS))
    elif deed == "remove":
        (shop.root / name).unlink(missing_ok=True)
    elif deed == "restore":
        shop.write("models/orders.sql", FILES["models/orders.sql"])
    elif deed == "macro":
        text = dice.choice(["-- red", "{{ config(tags='m') }}", "{{ model.raw_code }}"])
        shop.write("macros/colour.sql", f"{{% macro colour() %}}{text}{{% endmacro %}}")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_after_any_edits_the_answer_is_that_of_a_fresh_reading(
    shop: Shop, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same edits every time
    for _ in range(15):
        edit(shop, dice)
        listed, parsed = shop.said("ls", "--output", "json"), shop.said("parse")
        manifest = shop.manifest()
        with monkeypatch.context() as alone:
            alone.setenv("HEADWATER_CACHE_DIR", "off")
            assert listed == shop.said("ls", "--output", "json")
            assert parsed == shop.said("parse")
        expected = shop.manifest()
        del manifest["metadata"], expected["metadata"]
        assert manifest == expected
