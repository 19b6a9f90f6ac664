"""Snapshots that go by a macro of the project, or by a time that is an expression."""

from pathlib import Path

import pytest
from tests.cli.conftest import Hw, write_files

STRATEGY = """\
{% macro snapshot_state_strategy(node, snapshotted_rel, current_rel, config, target_exists) %}
  {% set key = config['unique_key'] %}
  {{ return({
    'unique_key': key,
    'updated_at': "timestamp '2026-01-0" ~ var('day') ~ "'",
    'row_changed': snapshotted_rel ~ '.state is distinct from ' ~ current_rel ~ '.state',
    'scd_id': snapshot_hash_arguments([key, 'state']),
  }) }}
{% endmacro %}
"""
SNAPSHOT = """\
{% snapshot order_states %}
  {{ config(unique_key='id', strategy='NAME') }}
  select * from (values (1, 'STATE', var), (2, 'paid', var)) as t(id, state, note)
{% endsnapshot %}
"""


def _take(hw: Hw, project: Path, state: str, day: int, strategy: str = "state") -> None:
    text = SNAPSHOT.replace("STATE", state).replace("var", str(day)).replace("NAME", strategy)
    write_files(project, {"snapshots/order_states.sql": text, "macros/strategy.sql": STRATEGY})
    ended = hw("snapshot", "--vars", f"{{day: {day}}}")
    assert ended.code == 0, ended.err


def _history(hw: Hw) -> object:
    columns = "id, state, note, day(dbt_valid_from), day(dbt_valid_to)"
    sql = f"select {columns} from order_states order by 1, 4"
    return hw("sql", sql, "--output", "json").document["rows"]


@pytest.mark.parametrize("strategy", ["state", "shop.state"])
def test_a_strategy_of_the_project_says_what_has_changed(
    hw: Hw, project: Path, strategy: str
) -> None:
    _take(hw, project, "new", 1, strategy)
    _take(hw, project, "paid", 2, strategy)

    # The note of order 2 has changed, too, which the strategy does not look at.
    assert _history(hw) == [[1, "new", 1, 1, 2], [1, "paid", 2, 2, None], [2, "paid", 1, 1, None]]


def test_a_strategy_names_versions_by_its_own_hash(hw: Hw, project: Path) -> None:
    _take(hw, project, "new", 1)

    sql = "select dbt_scd_id = md5('1|new') from order_states where id = 1"
    assert hw("sql", sql, "--output", "json").document["rows"] == [[True]]


def test_a_strategy_that_says_too_little_is_refused(hw: Hw, project: Path) -> None:
    text = SNAPSHOT.replace("NAME", "state").replace("var", "1")
    macro = "{% macro snapshot_state_strategy(node, a, b, config, exists) %}"
    macro += "{{ return({'unique_key': 'id', 'updated_at': 'now()'}) }}{% endmacro %}"
    write_files(project, {"snapshots/s.sql": text, "macros/strategy.sql": macro})

    ended = hw("plan", "--output", "json")

    assert ended.code == 2
    assert ended.codes == ["HW2241"]  # snapshot-strategy-malformed


def test_a_project_may_say_anew_what_the_timestamp_strategy_is(hw: Hw, project: Path) -> None:
    macro = """\
{% macro snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, config, target_exists) %}
  {% set ours = dbt.snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, config, true) %}
  {% do ours.update({'row_changed': 'false'}) %}
  {{ return(ours) }}
{% endmacro %}
"""
    config = "unique_key='id', strategy='timestamp', updated_at='seen_at'"
    text = f"{{% snapshot kept %}}{{{{ config({config}) }}}}"
    write_files(project, {"macros/strategy.sql": macro})
    for day in (1, 2):
        query = f"select 1 as id, timestamp '2026-01-0{day}' as seen_at {{% endsnapshot %}}"
        write_files(project, {"snapshots/kept.sql": f"{text} {query}"})
        assert hw("snapshot", "--select", "kept").code == 0

    assert hw("sql", "select day(seen_at) from kept", "--output", "json").document["rows"] == [[1]]


def test_updated_at_may_be_an_expression(hw: Hw, project: Path) -> None:
    config = "{{ config(unique_key='id', strategy='check', check_cols='all', updated_at=AT) }}"
    for day, state in ((1, "new"), (2, "paid")):
        at = config.replace("AT", f"\"timestamp '2026-01-0{day}'\"")
        text = f"{{% snapshot kept %}}{at} select 1 as id, '{state}' as state {{% endsnapshot %}}"
        write_files(project, {"snapshots/kept.sql": text})
        assert hw("snapshot", "--select", "kept").code == 0

    sql = "select state, day(dbt_updated_at), day(dbt_valid_to) from kept order by 2"
    assert hw("sql", sql, "--output", "json").document["rows"] == [["new", 1, 2], ["paid", 2, None]]
