"""Expressions and what dbt-core makes of them; a peer test asks dbt itself."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest
from tests.jinja.conftest import Render

MACROS = """
{% macro kw(a, b=2) %}{{ a }}-{{ b }}-{{ varargs }}-{{ kwargs }}{% endmacro %}
{% macro listed() %}{{ return([1, 'x', {'k': none}]) }}{% endmacro %}
{% macro nothing() %}{{ return(none) }}{% endmacro %}
{% macro calls() %}<{{ caller('in') }}>{% endmacro %}
"""

EXPRESSIONS: list[tuple[str, str]] = [
    # values and their text
    ("{{ 'a' ~ 1 ~ none }}", "a1None"),
    ("{{ none }} {{ true }} {{ 1.0 }} {{ 1e3 }}", "None True 1.0 1000.0"),
    ("{{ [none, true, 'x'] }} {{ {'a': 1} }} {{ (1, 2) }}", "[None, True, 'x'] {'a': 1} (1, 2)"),
    ("{{ 7 // 2 }} {{ 7 / 2 }} {{ '%s-%s' % (1, 2) }}", "3 3.5 1-2"),
    ("{{ 'a,b'.split(',') }} {{ [3, 1] | sort }}", "['a', 'b'] [1, 3]"),
    ("{{ {'b': 1, 'a': 2} | dictsort }}", "[('a', 2), ('b', 1)]"),
    ("{{ '<b>' | e }} {{ '<b>' | tojson }}", '&lt;b&gt; "\\u003cb\\u003e"'),
    ("[{{ gone }}] {{ gone is defined }} {{ gone or 'd' }}", "[] False d"),
    ("{% set x %}block {{ 1 }}{% endset %}{{ x }}", "block 1"),
    ("{% set n = namespace(i=0) %}{% for i in [1, 2] %}{% set n.i = n.i + i %}{% endfor %}{{n.i}}",
     "3"),
    ("{% raw %}{{ raw }}{% endraw %} {%- if true -%} x {%- endif %}{# c #}", "{{ raw }}x"),
    # dbt's functions
    ("{{ fromjson('{\"a\": [1, 2.5, null, true]}') }}", "{'a': [1, 2.5, None, True]}"),
    ("{{ fromjson('bad') }} {{ fromjson('bad', 'd') }}", "None d"),
    ("{{ tojson({'b': 1, 'a': [none, 1.5]}) }}", '{"b": 1, "a": [null, 1.5]}'),
    ("{{ tojson({'b': 1, 'a': 2}, sort_keys=true) }}", '{"a": 2, "b": 1}'),
    ("{{ fromyaml('a: [1, 2020-01-01, yes]') }}", "{'a': [1, datetime.date(2020, 1, 1), True]}"),
    ("{{ fromyaml('a: [', 'd') }}", "d"),
    ("{{ toyaml({'b': 1, 'a': [1, 'x']}) }}", "b: 1\na:\n- 1\n- x\n"),
    ("{{ toyaml({'b': 1, 'a': 2}, sort_keys=true) }}", "a: 2\nb: 1\n"),
    ("{{ set([1, 1]) }} {{ set(1) }} {{ set(1, 'd') }} {{ set_strict([2]) }}", "{1} None d {2}"),
    ("{{ zip([1, 2], [3, 4]) | list }} {{ zip(1, 2) }} {{ zip(1, 2, default='q') }}",
     "[(1, 3), (2, 4)] None q"),
    ("{{ zip_strict([1], [2]) | list }}", "[(1, 2)]"),
    ("{{ local_md5('hello') }}", "5d41402abc4b2a76b9719d911017c592"),
    ("{{ diff_of_two_dicts({'A': ['x', 'Y'], 'b': ['z']}, {'a': ['y']}) }}",
     "{'A': ['x'], 'b': ['z']}"),
    ("{{ diff_of_two_dicts({'a': ['x']}, {'A': ['X']}) }}", "{}"),
    ("{{ '1' | as_number }} {{ 'true' | as_bool }} {{ [1] | as_text }} {{ '1' | as_native }}",
     "1 true [1] 1"),
    ("{{ render('{{ 1 + 1 }}') }}", "2"),
    ("[{{ log('hi') }}{{ exceptions.warn('careful') }}]", "[]"),
    # modules
    ("{{ modules.re.sub('a', 'b', 'cat') }} {{ modules.datetime.date(2020, 1, 2) }}",
     "cbt 2020-01-02"),
    ("{{ modules.datetime.timedelta(days=2) }} {{ modules.pytz.utc }}", "2 days, 0:00:00 UTC"),
    ("{{ modules.itertools.product([1, 2], [3]) | list }}", "[(1, 3), (2, 3)]"),
    ("{{ modules.pytz.timezone('Europe/Berlin') }}", "Europe/Berlin"),
    (("{% set la = modules.pytz.timezone('America/Los_Angeles') %}"
      "{% set day = modules.datetime.datetime(2024, 11, 3, 1, 30) %}"
      "{{ day.replace(tzinfo=la) }} {{ la.localize(day) }} {{ la.localize(day, is_dst=true) }}"),
     "2024-11-03 01:30:00-07:53 2024-11-03 01:30:00-08:00 2024-11-03 01:30:00-07:00"),
    (("{% set berlin = modules.pytz.timezone('Europe/Berlin') %}"
      "{% set summer = berlin.localize(modules.datetime.datetime(2024, 7, 1)) %}"
      "{{ berlin.normalize(summer + modules.datetime.timedelta(days=180)) }}"),
     "2024-12-27 23:00:00+01:00"),
    (("{% set utc = modules.pytz.utc %}"
      "{% set noon = utc.localize(modules.datetime.datetime(2024, 7, 1, 12)) %}"
      "{{ noon }} {{ utc.zone }} {{ noon.astimezone(modules.pytz.timezone('Asia/Tokyo')) }} "
      "{{ utc.normalize(noon.astimezone(modules.pytz.timezone('Asia/Tokyo'))) }}"),
     "2024-07-01 12:00:00+00:00 UTC 2024-07-01 21:00:00+09:00 2024-07-01 12:00:00+00:00"),
    # macros
    ("{{ kw(1) }} {{ kw(b=5, a=4) }}", "1-2-()-{} 4-5-()-{}"),
    ("{{ listed() }} {{ listed()[1] }} {{ nothing() is none }}", "[1, 'x', {'k': None}] x True"),
    ("{% call(x) calls() %}body {{ x }}{% endcall %}", "<body in>"),
    ("{{ context['local_md5']('a') == local_md5('a') }} {{ context.get('gone') }}", "True None"),
    # relations
    ("{{ api.Relation.create(database='d', schema='s', identifier='i') }}", '"d"."s"."i"'),
    ("{{ api.Relation.create(schema='s', identifier='i') }}", '"s"."i"'),
    (("{% set r = api.Relation.create(database='d', schema='s', identifier='i', type='view') %}"
     "{{ r.is_view }} {{ r.is_table }} {{ r.is_cte }} {{ r.type }} {{ r.name }} {{ r.table }}"),
     "True False False view i i"),
    (("{% set r = api.Relation.create(database='d', schema='s', identifier='i') %}"
     "{{ r.include(database=false) }} {{ r.quote(identifier=false) }} {{r.without_identifier()}}"),
     '"s"."i" "d"."s".i "d"."s"'),
    (("{% set r = api.Relation.create(database='d', schema='s', identifier='i') %}"
     "{{ r.path.identifier }} {{ r.incorporate(path={'identifier': 'j'}) }} "
     "{{ r.incorporate(type='table').is_table }} {{ r.database }} {{ r.schema }}"),
     'i "d"."s"."j" True d s'),
    (("{% set r = api.Relation.create(database='d', schema='s', identifier='i') %}"
     "{{ r.render() }} {{ r.matches(identifier='i') }} {{ r.information_schema('tables') }}"),
     '"d"."s"."i" True "d".INFORMATION_SCHEMA.tables'),
    (("{% set r = api.Relation.create(database='d', schema='s', identifier='i') %}"
     "{{ r == api.Relation.create(database='d', schema='s', identifier='i') }} {{ r is none }}"),
     "True False"),
    # columns
    ("{{ api.Column.translate_type('string') }} {{ api.Column.string_type(10) }}",
     "TEXT character varying(10)"),
    ("{{ api.Column.numeric_type('decimal', 10, 2) }}", "decimal(10,2)"),
    (("{% set c = api.Column('c d', 'varchar', 5) %}{{ c.name }} {{ c.quoted }} {{ c.data_type }} "
     "{{ c.dtype }} {{ c.is_string() }} {{ c.string_size() }} {{ c.is_number() }}"),
     'c d "c d" character varying(5) varchar True 5 False'),
    (("{% for t in ['integer', 'double', 'decimal', 'varchar', 'bigint', 'real'] %}"
     "{% set c = api.Column('c', t) %}{{ c.is_integer() }}/{{ c.is_float() }}/{{ c.is_numeric() }}"
     "/{{ c.is_string() }} {% endfor %}"),
     ("True/False/False/False False/True/False/False False/False/True/False "
     "False/False/False/True True/False/False/False False/True/False/False ")),
    ("{{ api.Column('a', 'varchar', 5).can_expand_to(api.Column('a', 'varchar', 9)) }}", "True"),
    ("{{ api.Column.create('a', 'int').data_type }}", "int"),
    ("{{ adapter.quote('x') }} {{ adapter.type() }}", '"x" duckdb'),
    ("{{ adapter.get_relation('d', 's', 'nope') }}", "None"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_expression_gives_what_dbt_gives(text: str, expected: str, render: Render) -> None:
    assert render(text + "|", {"shop": MACROS}).text == expected + "|"


@pytest.mark.peer
@pytest.mark.timeout(600)
def test_dbt_gives_the_same(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    peers = ("dbt-core==1.11.16", "dbt-duckdb")
    subprocess.run([scripts / "python", "-m", "pip", "install", "-q", *peers], check=True)

    assert compiled_by_dbt(tmp_path / "project", scripts) == [text for _, text in EXPRESSIONS]


def compiled_by_dbt(folder: Path, scripts: Path) -> list[str]:
    """Compile a model for each expression."""
    files = {
        "dbt_project.yml": "name: shop\nprofile: shop\n",
        "profiles.yml": "shop: {outputs: {default: {type: duckdb, path: w.duckdb}}}\n",
        "macros/m.sql": MACROS,
    }
    files |= {f"models/m{i}.sql": f"{text}|" for i, (text, _) in enumerate(EXPRESSIONS)}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    command: list[str | Path] = [
        scripts / "dbt",
        "--no-version-check",
        "--quiet",
        "compile",
        "--profiles-dir",
        ".",
    ]
    subprocess.run(command, cwd=folder, check=True)
    models = folder / "target/compiled/shop/models"
    return [
        (models / f"m{i}.sql").read_text(encoding="utf-8").removesuffix("|")
        for i in range(len(EXPRESSIONS))
    ]
