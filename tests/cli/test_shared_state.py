"""A hostile model changes what it is given; every other model must compile as without it."""

from pathlib import Path

from tests.cli.conftest import Hw

READER = """\
-- depends_on: {{ ref('raw_orders') }}
{% set all = [
  var("list"), var("map"), config.get("meta"), target.schema, flags.FULL_REFRESH,
  model.config.meta, model.tags, model.columns, builtins.var("list"),
  graph.nodes["model.shop.reader"].config.meta,
] %}
select '{{ all | string | replace("'", "") }}' as seen
"""
HOSTILE = """\
{% do var('list').append('stolen') %}
{% do var('map').inner.append('stolen') %}
{% do config.get('meta').inner.append('stolen') %}
{% do target.update({'schema': 'stolen', 'name': 'stolen'}) %}
{% do flags.update({'FULL_REFRESH': 'stolen'}) %}
{% do builtins.update({'var': 'stolen'}) %}
{% do model.config.meta.inner.append('stolen') %}
{% for node in graph.nodes.values() %}
  {% do node.config.meta.update({'stolen': 1}) %}
  {% do node.tags.append('stolen') %}
{% endfor %}
{% do graph.nodes.update({'stolen': 1}) %}
{% do api.Relation.create(identifier='x').quote_policy.update({'database': 'stolen'}) %}
select 1 as id
"""


def test_a_hostile_model_changes_no_other_model(hw: Hw, project: Path) -> None:
    settings = project / "dbt_project.yml"
    text = settings.read_text(encoding="utf-8").replace(
        "models:\n  shop:\n", "models:\n  shop:\n    +meta: {inner: [1]}\n    +tags: [t]\n"
    )
    settings.write_text(text + "vars: {list: [1], map: {inner: [1]}}\n", encoding="utf-8")
    (project / "models" / "reader.sql").write_text(READER, encoding="utf-8")
    alone = compiled(hw, project)

    (project / "models" / "a_hostile.sql").write_text(HOSTILE, encoding="utf-8")
    beside = compiled(hw, project)

    assert "stolen" not in beside
    assert beside == alone


def compiled(hw: Hw, project: Path) -> str:
    ended = hw("compile", "--select", "reader", "--output", "json")
    assert ended.code == 0, ended.out
    (written,) = (project / "target" / "compiled").rglob("reader.sql")
    return written.read_text(encoding="utf-8")
