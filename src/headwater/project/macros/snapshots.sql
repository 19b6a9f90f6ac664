{# What a project's own snapshot strategies are written with: `snapshot_<name>_strategy`. #}

{# The hash that identifies one version of a row: its key and its time. #}
{% macro snapshot_hash_arguments(args) %}{{ return(adapter.dispatch('snapshot_hash_arguments', 'dbt')(args)) }}{% endmacro %}

{% macro default__snapshot_hash_arguments(args) -%}
    {%- set parts = [] -%}
    {%- for arg in args -%}
        {%- do parts.append("coalesce(cast(" ~ arg ~ " as varchar), '')") -%}
    {%- endfor -%}
    md5({{ parts | join(" || '|' || ") }})
{%- endmacro %}

{# A row has changed when its time is later than the version that is stored. #}
{% macro snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
    {% set keys = config.get('unique_key') %}
    {% set parts = keys if keys is not string else [keys] %}
    {% set updated_at = config.get('updated_at') %}
    {{ return({
        'unique_key': keys,
        'updated_at': updated_at,
        'row_changed': '(' ~ snapshotted_rel ~ '.dbt_valid_from < ' ~ current_rel ~ '.' ~ updated_at ~ ')',
        'scd_id': snapshot_hash_arguments(parts + [updated_at]),
        'hard_deletes': config.get('hard_deletes') or ('invalidate' if config.get('invalidate_hard_deletes') else 'ignore'),
    }) }}
{% endmacro %}
