{# Questions about relations, and small queries that macros share. #}

{% macro get_columns_in_relation(relation) -%}
    {{ return(adapter.get_columns_in_relation(relation)) }}
{%- endmacro %}

{% macro get_columns_in_query(select_sql) -%}
    {%- set columns = [] -%}
    {%- for column in adapter.get_column_schema_from_query(select_sql) -%}
        {%- do columns.append(column.name) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{% macro get_empty_subquery_sql(select_sql, select_sql_header=none) -%}
    {%- if select_sql_header is not none -%}{{ select_sql_header }}{%- endif -%}
    select * from (
        {{ select_sql }}
    ) as __dbt_sbq
    where false
    limit 0
{% endmacro %}

{% macro get_quoted_csv(column_names) -%}
    {%- set quoted = [] -%}
    {%- for name in column_names -%}{%- do quoted.append(adapter.quote(name)) -%}{%- endfor -%}
    {{ return(quoted | join(', ')) }}
{%- endmacro %}

{% macro diff_columns(source_columns, target_columns) -%}
    {%- set known = target_columns | map(attribute='name') | map('lower') | list -%}
    {%- set missing = [] -%}
    {%- for column in source_columns if column.name | lower not in known -%}
        {%- do missing.append(column) -%}
    {%- endfor -%}
    {{ return(missing) }}
{%- endmacro %}

{% macro information_schema_name(database) -%}
    {{ return(adapter.dispatch('information_schema_name', 'dbt')(database)) }}
{%- endmacro %}
{% macro duckdb__information_schema_name(database) -%}
{{ adapter.quote(database) }}.information_schema
{%- endmacro %}
{% macro default__information_schema_name(database) -%}
{{ database ~ '.' if database }}INFORMATION_SCHEMA
{%- endmacro %}

{% macro get_or_create_relation(database, schema, identifier, type) -%}
    {%- set found = adapter.get_relation(database, schema, identifier) -%}
    {%- if found -%}{{ return([true, found]) }}{%- endif -%}
    {{ return([false, api.Relation.create(database=database, schema=schema, identifier=identifier, type=type)]) }}
{%- endmacro %}

{% macro load_cached_relation(relation) -%}
    {{ return(load_relation(relation)) }}
{%- endmacro %}

{% macro get_limit_subquery_sql(sql, limit) -%}
  {{- '\n  ' ~ sql }}
  {# The engine stops by itself, so a subquery would add nothing. #}
  limit {{ limit }}
{%- endmacro %}

{% macro noop_statement(name=none, message='OK', code='OK', rows_affected=none, res=none) -%}
    {%- do store_result(name, response=code) if name -%}
{%- endmacro %}

{% macro in_transaction(sql) -%}{{ return({'sql': sql, 'transaction': true}) }}{%- endmacro %}
{% macro before_begin(sql) -%}{{ return({'sql': sql, 'transaction': false}) }}{%- endmacro %}
{% macro after_commit(sql) -%}{{ return({'sql': sql, 'transaction': false}) }}{%- endmacro %}
{% macro make_hook_config(sql, inside_transaction) -%}
    {{ return(tojson({'sql': sql, 'transaction': inside_transaction})) }}
{%- endmacro %}

{% macro set_sql_header(config) -%}
    {{ config.set('sql_header', caller()) }}
{%- endmacro %}
