"""Whatever was edited, and in whatever order: caches answer as a fresh reading does.

Every sequence edits a project at random - texts, properties, macros, seeds, packages, variables,
the environment, names, also behind the clock's back - and after each edit asks the caches that have
seen all of it, no cache at all, and now and then an empty one that is asked twice.
``HEADWATER_TEST_SEQUENCES`` says how many sequences, for a longer search.
"""

import json
import os
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.main import run

SEQUENCES = int(os.environ.get("HEADWATER_TEST_SEQUENCES", "5"))
EDITS = 12
PROJECT = "name: shop\nprofile: shop\n"
TOOLS = "dbt_packages/tools"

TEXTS: Mapping[str, tuple[str, ...]] = {
    "models/orders.sql": (
        "select 1 as id",
        "select 2 as id",
        "select 2 as id -- other",
        "{{ config(materialized='table', tags=['x']) }} select 1 as id",
        "{{ config(tags=[var('word', 'none')]) }} select 1 as id",
        "{{ config(enabled=var('on', true)) }} select 1 as id",
    ),
    "models/late/paid.sql": (
        "select id from {{ ref('orders') }} {{ colour() }}",
        "select id from {{ ref('orders') }}",
        "{{ config(alias=env_var('SHOP_COLOUR', 'red')) }} select 3 as id",
        "select id from {{ source('raw', 'lands') }}",
        "select '{{ target.schema }}' as id from {{ ref('tool') }} {{ tools.mark() }}",
        "select id from {{ ref('nowhere') }}",
        "{% if model.raw_code | length > 90 %}{{ config(tags='long') }}{% endif %} select 1 as id",
    ),
    "models/more/third.sql": (
        "{% set x %}t{% endset %}{{ config(tags=x) }} select * from {{ ref('lands') }}",
        "{% set x %}u{% endset %}{{ config(tags=x) }} select * from {{ ref('lands') }}",
        ("{{ config(materialized='incremental') }} select 1 as id"
        " {% if is_incremental() %} where 1 = 1 {% endif %}"),
        "{{ config(materialized='ephemeral') }} select 1 as id",
        "   ",
    ),
    "models/schema.yml": (
        "models:\n  - name: orders\n    columns:\n      - {name: id, data_tests: [unique]}\n",
        ("models:\n  - name: orders\n    description: \"{{ doc('word') }}\"\n    columns:\n"
        "      - {name: id, data_tests: [unique, not_null, tools.odd]}\n"),
        "models:\n  - {name: orders, config: {tags: [y], meta: {a: 1}}}\n  - {name: paid}\n",
        "models:\n  - name: orders\n    config: {tags: \"{{ var('word', 'z') }}\"}\n",
        "models: []\n",
        "models: [\n",
    ),
    "models/sources.yml": (
        "sources:\n  - {name: raw, tables: [{name: lands}]}\n",
        'sources:\n  - {name: raw, schema: "{{ target.schema }}", tables: [{name: lands}]}\n',
        ("sources:\n  - name: raw\n    tables:\n      - name: lands\n"
        "        columns: [{name: code, data_tests: [not_null]}]\n"),
        ("exposures:\n  - name: page\n    type: dashboard\n    owner: {name: a}\n"
        "    depends_on: [ref('orders')]\n"),
    ),
    "models/words.md": (
        "{% docs word %}One{% enddocs %}",
        "{% docs word %}Two{% enddocs %}{% docs more %}m{% enddocs %}",
        "{% docs other %}Two{% enddocs %}",
    ),
    "macros/colour.sql": (
        "{% macro colour() %}-- {{ env_var('SHOP_COLOUR', 'red') }}{% endmacro %}",
        "{% macro colour() %}{{ config(tags='m') }}{% endmacro %}",
        ("{% macro colour() %}{{ inner() }}{% endmacro %}"
        "{% macro inner() %}{{ config(meta={'w': var('word', 'q')}) }}{% endmacro %}"),
        "{% macro colour() %}{{ tools.mark() }}{% endmacro %}",
        "{% macro coulour() %}{% endmacro %}",
    ),
    "macros/names.sql": (
        "{% macro generate_schema_name(custom, node) %}{{ target.schema }}{% endmacro %}",
        "{% macro generate_alias_name(custom, node) %}a_{{ node.name }}{% endmacro %}",
        "{% test odd(model, column_name) %}select * from {{ model }}{% endtest %}",
        "{% macro default__mark() %}-- ours{% endmacro %}",
    ),
    "seeds/lands.csv": ("code\nde\n", "code\nfr\n", "code,name\nde,Germany\n", "code\n"),
    "snapshots/kept.sql": (
        ("{% snapshot kept %}{{ config(unique_key='id', strategy='check', check_cols='all') }}"
        "select 1 as id{% endsnapshot %}"),
        ("{% snapshot kept2 %}{{ config(unique_key='id', strategy='check', check_cols=['id']) }}"
        "select * from {{ ref('orders') }}{% endsnapshot %}"),
    ),
    "tests/none.sql": (
        "select * from {{ ref('orders') }} where id is null",
        "{{ config(severity='warn') }} select 1 where false",
    ),
    "analyses/look.sql": ("select 1", "select * from {{ ref('orders') }}"),
    "dbt_project.yml": (
        PROJECT + "models:\n  shop:\n    +tags: [a]\n",
        PROJECT + "vars: {word: w1}\n",
        PROJECT + "vars: {word: w2, tools: {size: 9}}\nmodels:\n  +materialized: table\n",
        PROJECT + "model-paths: [models, more]\n",
        PROJECT + "models:\n  tools:\n    +enabled: false\n",
        PROJECT + "dispatch:\n  - {macro_namespace: tools, search_order: [shop, tools]}\n",
        PROJECT + "on-run-start: \"select '{{ var('word', 'h') }}'\"\n",
    ),
    "vars.yml": ("vars: {word: v1}\n", "vars: {word: v2}\n"),
    ".dbtignore": ("late\n", "more/\n", "\n"),
    "profiles.yml": (
        ("shop:\n  target: dev\n  outputs:\n    dev: {type: headwater, schema: main}\n"
        "    prod: {type: headwater, schema: prod}\n"),
        ("shop:\n  target: prod\n  outputs:\n    dev: {type: headwater, schema: other}\n"
        "    prod: {type: headwater, schema: \"{{ env_var('SHOP_COLOUR', 's') }}\"}\n"),
    ),
    f"{TOOLS}/dbt_project.yml": (
        "name: tools\n",
        "name: tools\nvars: {size: 1}\n",
        "name: tools\nmodels: {+tags: [p]}\n",
    ),
    f"{TOOLS}/models/tool.sql": (
        "select 1 as a",
        "select {{ var('size', 0) }} as a",
        "{{ config(tags=[var('size', 0) | string]) }} select 1 as a",
    ),
    f"{TOOLS}/macros/mark.sql": (
        ("{% macro mark() %}{{ adapter.dispatch('mark', 'tools')() }}{% endmacro %}"
        "{% macro default__mark() %}-- theirs{% endmacro %}"),
        "{% macro mark() %}-- plain{% endmacro %}",
        ("{% test odd(model, column_name) %}select 1 from {{ model }}{% endtest %}"
        "{% macro mark() %}{% endmacro %}"),
    ),
    "dbt_packages/second/dbt_project.yml": ("name: second\n",),
    "dbt_packages/second/models/tool_2.sql": ("select 1 as a", "select * from {{ ref('tool') }}"),
}  # fmt: skip
NEEDED = frozenset({"dbt_project.yml", "profiles.yml", f"{TOOLS}/dbt_project.yml"})
"""Without these every further answer is one and the same fault."""
OPTIONS = (
    (), (), ("--vars", "word: x"), ("--vars", "{word: y, on: false}"), ("--target", "prod"),
)  # fmt: skip
COLOURS = (None, "blue", "green")


@dataclass(slots=True)
class Shop:
    """A project that is edited, and what a command in it answers."""

    root: Path
    capsys: pytest.CaptureFixture[str]
    environment: pytest.MonkeyPatch
    options: tuple[str, ...] = ()
    deeds: list[str] = field(default_factory=list)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def answer(self, cache: str, verb: str) -> tuple[int, str, Any]:
        """Return the exit code, what is said, and the manifest but for what is of the command."""
        self.environment.setenv("HEADWATER_CACHE_DIR", cache)
        self.capsys.readouterr()
        words = ["ls", "--output", "json"] if verb == "ls" else [verb]
        code = run([*words, *self.options])
        captured = self.capsys.readouterr()
        return code, captured.out + captured.err, self._manifest()

    def _manifest(self) -> Any:
        path = self.root / "target/manifest.json"
        if not path.exists():
            return None
        document = json.loads(path.read_text())
        del document["metadata"]
        path.unlink()
        return document


@pytest.fixture
def shop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shop:
    root = tmp_path / "shop"
    made = Shop(root, capsys, monkeypatch)
    for name, texts in TEXTS.items():
        if not name.startswith((".dbtignore", "vars.yml", "macros/names", "dbt_packages/second")):
            made.write(name, texts[0])
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in list(os.environ):
        if name.startswith(("DBT_", "HEADWATER_", "XDG_", "SHOP_")):
            monkeypatch.delenv(name)
    return made


def write(shop: Shop, dice: random.Random) -> str:
    """Give a file another of its texts."""
    name = dice.choice(list(TEXTS))
    text = dice.choice(TEXTS[name])
    shop.write(name, text)
    return f"{name}: {text!r}"


def write_in_the_same_moment(shop: Shop, dice: random.Random) -> str:
    """Give a file another text and the times that it had."""
    name = dice.choice([name for name in TEXTS if (shop.root / name).exists()])
    was = (shop.root / name).stat()
    shop.write(name, dice.choice(TEXTS[name]))
    os.utime(shop.root / name, ns=(was.st_atime_ns, was.st_mtime_ns))
    return f"{name} with its old times"


def write_as_long(shop: Shop, dice: random.Random) -> str:
    """Change one digit of a file, so that its size and its times stay."""
    name = dice.choice([name for name in TEXTS if (shop.root / name).exists()])
    was, text = (shop.root / name).stat(), (shop.root / name).read_text()
    shop.write(name, text.translate(str.maketrans("123", "231")))
    os.utime(shop.root / name, ns=(was.st_atime_ns, was.st_mtime_ns))
    return f"digits of {name}"


def remove(shop: Shop, dice: random.Random) -> str:
    """Take a file away."""
    name = dice.choice(sorted(set(TEXTS) - NEEDED))
    (shop.root / name).unlink(missing_ok=True)
    return f"no {name}"


def rename(shop: Shop, dice: random.Random) -> str:
    """Give a file another name in its folder, or take that back."""
    name = Path(dice.choice(["models/orders.sql", "models/more/third.sql", "macros/colour.sql"]))
    one, other = shop.root / name, shop.root / name.with_stem(f"{name.stem}_renamed")
    here, there = (one, other) if one.exists() else (other, one)
    if here.exists():
        here.rename(there)
    return f"{here.name} is {there.name}"


def move_folder(shop: Shop, _: random.Random) -> str:
    """Move a folder with all in it, or move it back."""
    here, there = shop.root / "models/late", shop.root / "models/moved"
    if not here.exists():
        here, there = there, here
    if here.exists() and not there.exists():
        here.rename(there)
    return f"{here.name} moves"


def swap(shop: Shop, _: random.Random) -> str:
    """Exchange two files: the same texts under the other's names."""
    one, other = shop.root / "models/orders.sql", shop.root / "models/more/third.sql"
    if one.exists() and other.exists():
        between = one.with_suffix(".was")
        one.rename(between)
        other.rename(one)
        between.rename(other)
    return "swapped"


def duplicate(shop: Shop, _: random.Random) -> str:
    """Put a second model of a name beside the first, or take it away."""
    path = shop.root / "models/more/orders.sql"
    if path.exists():
        path.unlink()
    else:
        shop.write("models/more/orders.sql", "select 9 as id")
    return "a second orders.sql"


def remove_package(shop: Shop, _: random.Random) -> str:
    """Take a package away."""
    shutil.rmtree(shop.root / "dbt_packages/second", ignore_errors=True)
    return "no second package"


def set_environment(shop: Shop, dice: random.Random) -> str:
    """Set or forget a variable of the environment that the project reads."""
    colour = dice.choice(COLOURS)
    if colour is None:
        shop.environment.delenv("SHOP_COLOUR", raising=False)
    else:
        shop.environment.setenv("SHOP_COLOUR", colour)
    return f"SHOP_COLOUR={colour}"


def choose_options(shop: Shop, dice: random.Random) -> str:
    """Ask with other variables or for another target from now on."""
    shop.options = dice.choice(OPTIONS)
    return " ".join(shop.options)


def touch(shop: Shop, dice: random.Random) -> str:
    """Change the times of a file and nothing in it."""
    name = dice.choice([name for name in TEXTS if (shop.root / name).exists()])
    os.utime(shop.root / name)
    return f"touched {name}"


DEEDS: tuple[Callable[[Shop, random.Random], str], ...] = (
    *[write] * 8, *[write_in_the_same_moment] * 3, *[write_as_long] * 2, *[remove] * 2, rename,
    move_folder, swap, duplicate, remove_package, set_environment, choose_options, touch,
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_caches_of_any_age_answer_as_a_fresh_reading_does(shop: Shop, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same edits every time
    warm = str(shop.root.parent / "warm")
    for number in range(EDITS):
        shop.deeds.append(dice.choice(DEEDS)(shop, dice))
        verb = dice.choice(["parse", "parse", "parse", "ls", "compile"])

        kept = [shop.answer(warm, verb), shop.answer(warm, verb)]
        if number % 4 == 0:
            new = str(shop.root.parent / f"cold-{number}")
            kept += [shop.answer(new, verb), shop.answer(new, verb)]

        fresh = shop.answer("off", verb)
        assert kept == [fresh] * len(kept), shop.deeds
