{# What materializations of projects and packages call, and the incremental one for strategies of
   their own. Statements sent here become commits of the lake when the node has passed its tests. #}

{% macro run_hooks(hooks, inside_transaction=true) -%}
    {%- for hook in hooks -%}
        {%- set is_plain = hook is string -%}
        {%- set text = hook if is_plain else hook.get('sql', '') -%}
        {%- set inside = true if is_plain else hook.get('transaction', true) -%}
        {%- if inside == inside_transaction -%}
            {%- set rendered = render(text) | trim -%}
            {%- if rendered -%}{%- do run_query(rendered) -%}{%- endif -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code, language) }}
{%- endmacro %}
{% macro default__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- set header = config.get('sql_header') -%}
    {{ header if header is not none }}
    create {% if temporary %}or replace temporary{% endif %} table
    {{ relation.include(database=not temporary, schema=not temporary) }} as (
        {{ compiled_code }}
    );
{%- endmacro %}
{% macro get_create_table_as_sql(temporary, relation, sql) -%}
    {{ adapter.dispatch('get_create_table_as_sql', 'dbt')(temporary, relation, sql) }}
{%- endmacro %}
{% macro default__get_create_table_as_sql(temporary, relation, sql) -%}
    {{ create_table_as(temporary, relation, sql) }}
{%- endmacro %}

{% macro create_view_as(relation, sql) -%}
    {{ adapter.dispatch('create_view_as', 'dbt')(relation, sql) }}
{%- endmacro %}
{% macro default__create_view_as(relation, sql) -%}
    create view {{ relation }} as
    {{ sql }}
    ;
{%- endmacro %}
{% macro get_create_view_as_sql(relation, sql) -%}
    {{ adapter.dispatch('get_create_view_as_sql', 'dbt')(relation, sql) }}
{%- endmacro %}
{% macro default__get_create_view_as_sql(relation, sql) -%}
    {{ create_view_as(relation, sql) }}
{%- endmacro %}
{% macro get_create_sql(relation, sql) -%}
    {%- if relation.is_view -%}{{ get_create_view_as_sql(relation, sql) }}
    {%- else -%}{{ get_create_table_as_sql(false, relation, sql) }}{%- endif -%}
{%- endmacro %}

{% macro make_intermediate_relation(base_relation, suffix='__dbt_tmp') -%}
    {{ return(api.Relation.create(
        database=base_relation.database, schema=base_relation.schema,
        identifier=base_relation.identifier ~ suffix, type=base_relation.type
    )) }}
{%- endmacro %}
{% macro make_temp_relation(base_relation, suffix='__dbt_tmp') -%}
    {{ return(adapter.dispatch('make_temp_relation', 'dbt')(base_relation, suffix)) }}
{%- endmacro %}
{% macro default__make_temp_relation(base_relation, suffix) -%}
    {{ return(api.Relation.create(identifier=base_relation.identifier ~ suffix, type='table')) }}
{%- endmacro %}
{% macro make_backup_relation(base_relation, backup_relation_type='table', suffix='__dbt_backup') -%}
    {{ return(api.Relation.create(
        database=base_relation.database, schema=base_relation.schema,
        identifier=base_relation.identifier ~ suffix, type=backup_relation_type
    )) }}
{%- endmacro %}

{% macro drop_relation(relation) -%}{%- do adapter.drop_relation(relation) -%}{%- endmacro %}
{% macro drop_relation_if_exists(relation) -%}
    {%- if relation is not none -%}{%- do adapter.drop_relation(relation) -%}{%- endif -%}
{%- endmacro %}
{% macro get_drop_sql(relation) -%}
    drop {{ relation.type or 'table' }} if exists {{ relation }}
{%- endmacro %}
{% macro rename_relation(from_relation, to_relation) -%}
    {%- do adapter.rename_relation(from_relation, to_relation) -%}
{%- endmacro %}
{% macro get_rename_sql(relation, new_name) -%}
    alter {{ relation.type or 'table' }} {{ relation }} rename to {{ adapter.quote(new_name) }}
{%- endmacro %}
{% macro truncate_relation(relation) -%}{%- do adapter.truncate_relation(relation) -%}{%- endmacro %}
{% macro create_schema(relation) -%}{%- do adapter.create_schema(relation) -%}{%- endmacro %}

{# A lake has no accounts and no indexes; comments are kept with the node. #}
{% macro should_revoke(existing_relation, full_refresh_mode=true) -%}{{ return(false) }}{%- endmacro %}
{% macro apply_grants(relation, grant_config, should_revoke=true) -%}{%- endmacro %}
{% macro create_indexes(relation) -%}{%- endmacro %}
{% macro persist_docs(relation, model, for_relation=true, for_columns=true) -%}{%- endmacro %}

{% macro get_insert_into_sql(target_relation, temp_relation, dest_columns) -%}
    {%- set listed = get_quoted_csv(dest_columns | map(attribute='name')) -%}
    insert into {{ target_relation }} ({{ listed }})
    select {{ listed }} from {{ temp_relation }}
{%- endmacro %}

{% macro same_key(unique_key, ours, theirs) -%}
    {%- set keys = [unique_key] if unique_key is string else unique_key -%}
    {%- for key in keys -%}{{ ours }}.{{ key }} = {{ theirs }}.{{ key }}{{ ' and ' if not loop.last }}{%- endfor -%}
{%- endmacro %}

{% macro get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {{ adapter.dispatch('get_delete_insert_merge_sql', 'dbt')(target, source, unique_key, dest_columns, incremental_predicates) }}
{%- endmacro %}
{% macro default__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {%- if unique_key %}
    delete from {{ target }} using {{ source }} as hw_new
    where {{ same_key(unique_key, target, 'hw_new') }}
    {%- for predicate in incremental_predicates or [] %} and {{ predicate }}{% endfor %};
    {%- endif %}
    {{ get_insert_into_sql(target, source, dest_columns) }}
{%- endmacro %}

{% macro get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {{ adapter.dispatch('get_merge_sql', 'dbt')(target, source, unique_key, dest_columns, incremental_predicates) }}
{%- endmacro %}
{% macro default__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {%- set names = dest_columns | map(attribute='quoted') | list -%}
    merge into {{ target }} as DBT_INTERNAL_DEST using {{ source }} as DBT_INTERNAL_SOURCE
    on {{ same_key(unique_key, 'DBT_INTERNAL_SOURCE', 'DBT_INTERNAL_DEST') if unique_key else 'false' }}
    {%- for predicate in incremental_predicates or [] %} and {{ predicate }}{% endfor %}
    {%- if unique_key %}
    when matched then update set
        {% for name in names %}{{ name }} = DBT_INTERNAL_SOURCE.{{ name }}{{ ', ' if not loop.last }}{% endfor %}
    {%- endif %}
    when not matched then insert ({{ names | join(', ') }})
    values ({% for name in names %}DBT_INTERNAL_SOURCE.{{ name }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro get_incremental_default_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_default_sql', 'dbt')(arg_dict)) }}
{%- endmacro %}
{% macro default__get_incremental_default_sql(arg_dict) -%}
    {{ return(get_incremental_delete_insert_sql(arg_dict) if arg_dict['unique_key'] else get_incremental_append_sql(arg_dict)) }}
{%- endmacro %}
{% macro get_incremental_append_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_append_sql', 'dbt')(arg_dict)) }}
{%- endmacro %}
{% macro default__get_incremental_append_sql(arg_dict) -%}
    {{ return(get_insert_into_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['dest_columns'])) }}
{%- endmacro %}
{% macro get_incremental_delete_insert_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_delete_insert_sql', 'dbt')(arg_dict)) }}
{%- endmacro %}
{% macro default__get_incremental_delete_insert_sql(arg_dict) -%}
    {{ return(get_delete_insert_merge_sql(
        arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'],
        arg_dict['dest_columns'], arg_dict['incremental_predicates']
    )) }}
{%- endmacro %}
{% macro get_incremental_merge_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_merge_sql', 'dbt')(arg_dict)) }}
{%- endmacro %}
{% macro default__get_incremental_merge_sql(arg_dict) -%}
    {{ return(get_merge_sql(
        arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'],
        arg_dict['dest_columns'], arg_dict['incremental_predicates']
    )) }}
{%- endmacro %}

{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') -%}
    {{ return(on_schema_change if on_schema_change in ('ignore', 'fail', 'append_new_columns', 'sync_all_columns') else default) }}
{%- endmacro %}
{% macro alter_relation_add_remove_columns(relation, add_columns=none, remove_columns=none) -%}
    {%- for column in add_columns or [] -%}
        {%- do run_query('alter table ' ~ relation ~ ' add column ' ~ column.quoted ~ ' ' ~ column.data_type) -%}
    {%- endfor -%}
    {%- for column in remove_columns or [] -%}
        {%- do run_query('alter table ' ~ relation ~ ' drop column ' ~ column.quoted) -%}
    {%- endfor -%}
{%- endmacro %}
{% macro process_schema_changes(on_schema_change, source_relation, target_relation) -%}
    {%- set mode = incremental_validate_on_schema_change(on_schema_change) -%}
    {%- if mode == 'ignore' -%}{{ return([]) }}{%- endif -%}
    {%- set new = adapter.get_missing_columns(source_relation, target_relation) -%}
    {%- set gone = adapter.get_missing_columns(target_relation, source_relation) -%}
    {%- if mode == 'fail' and (new or gone) -%}
        {%- do exceptions.raise_compiler_error('the columns of ' ~ source_relation ~ ' and ' ~ target_relation ~ ' differ, and on_schema_change is fail') -%}
    {%- endif -%}
    {%- do alter_relation_add_remove_columns(target_relation, new, gone if mode == 'sync_all_columns' else []) -%}
    {{ return(adapter.get_columns_in_relation(source_relation)) }}
{%- endmacro %}

{# Counts what a test's query returns; its own config says what that means. #}
{% materialization test, default -%}
    {%- call statement('main', fetch_result=true) -%}
        {{ get_test_sql(
            sql, config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), config.get('limit')
        ) }}
    {%- endcall -%}
    {{ return({'relations': []}) }}
{%- endmaterialization %}

{% materialization incremental, default -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is none or existing.is_view or should_full_refresh() -%}
        {%- do drop_relation_if_exists(existing) -%}
        {%- call statement('main') -%}{{ get_create_table_as_sql(false, this, sql) }}{%- endcall -%}
    {%- else -%}
        {%- set new_rows = make_temp_relation(this) -%}
        {%- do run_query(get_create_table_as_sql(true, new_rows, sql)) -%}
        {%- set columns = process_schema_changes(config.get('on_schema_change'), new_rows, existing) -%}
        {%- set build = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy') or 'default') -%}
        {%- set text = build({
            'target_relation': this, 'temp_relation': new_rows,
            'unique_key': config.get('unique_key'),
            'dest_columns': columns or adapter.get_columns_in_relation(existing),
            'incremental_predicates': config.get('predicates') or config.get('incremental_predicates'),
        }) -%}
        {%- call statement('main') -%}{{ text }}{%- endcall -%}
        {%- do run_query('drop table if exists ' ~ new_rows) -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this]}) }}
{%- endmaterialization %}
