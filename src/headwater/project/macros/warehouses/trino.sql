{# Trino's words. trino.io/docs/current/functions.html #}

{% macro trino__current_timestamp() -%}current_timestamp{%- endmacro %}
{% macro trino__snapshot_string_as_time(timestamp) -%}timestamp '{{ timestamp }}'{%- endmacro %}

{% macro trino__dateadd(datepart, interval, from_date_or_timestamp) -%}
date_add('{{ datepart }}', {{ interval }}, {{ from_date_or_timestamp }})
{%- endmacro %}
{# Boundaries crossed: each unit is the next larger one's, and the difference of its own parts. #}
{% macro trino__datediff(first_date, second_date, datepart) -%}
    {%- set start, end = 'CAST(' ~ first_date ~ ' AS TIMESTAMP)', 'CAST(' ~ second_date ~ ' AS TIMESTAMP)' -%}
    {%- if datepart == 'year' -%}
        {{ return('(year(' ~ end ~ ') - year(' ~ start ~ '))') }}
    {%- elif datepart in ('quarter', 'month') -%}
        {{ return(
            '(' ~ dbt.datediff(first_date, second_date, 'year') ~ ' * ' ~ (4 if datepart == 'quarter' else 12) ~ ') + '
            ~ datepart ~ '(' ~ end ~ ') - ' ~ datepart ~ '(' ~ start ~ ')'
        ) }}
    {%- elif datepart == 'day' -%}
        {{ return('((to_milliseconds((CAST(' ~ end ~ ' AS DATE) - CAST(' ~ start ~ ' AS DATE)))) / 86400000)') }}
    {%- elif datepart == 'week' -%}
        {%- set edge = '\n                case when ' ~ first_date ~ ' <= ' ~ second_date ~ ' then ' -%}
        {{ return(
            '(' ~ dbt.datediff(first_date, second_date, 'day') ~ ' / 7 + case\n            when dow(' ~ start ~ ') <= dow('
            ~ end ~ ') then' ~ edge ~ '0 else -1 end\n            else' ~ edge ~ '1 else 0 end\n        end)'
        ) }}
    {%- elif datepart == 'millisecond' -%}
        {{ return('(to_milliseconds((' ~ end ~ ' - ' ~ start ~ ')))') }}
    {%- endif -%}
    {%- set larger = {'hour': ('day', 24), 'minute': ('hour', 60), 'second': ('minute', 60)} -%}
    {%- if datepart in larger -%}
        {%- set over, count = larger[datepart] -%}
        {{ return(
            '(' ~ dbt.datediff(first_date, second_date, over) ~ ' * ' ~ count ~ ' + ' ~ datepart ~ '(' ~ end ~ ') - '
            ~ datepart ~ '(' ~ start ~ '))'
        ) }}
    {%- elif execute -%}
        {{ exceptions.raise_compiler_error('datediff on Trino does not know the date part `' ~ datepart ~ '`') }}
    {%- endif -%}
{%- endmacro %}
{% macro trino__date_spine(datepart, start_date, end_date) -%}
    {{ return(dbt._date_spine(datepart, 'cast(' ~ start_date ~ ' as date)', 'cast(' ~ end_date ~ ' as date)')) }}
{%- endmacro %}

{% macro trino__type_float() -%}double{%- endmacro %}
{% macro trino__type_string() -%}varchar{%- endmacro %}
{% macro trino__type_numeric() -%}decimal(28, 6){%- endmacro %}
{% macro trino__type_int() -%}integer{%- endmacro %}
{% macro trino__safe_cast(field, type) -%}try_cast({{ field }} as {{ type }}){%- endmacro %}

{% macro trino__hash(field) -%}lower(to_hex(md5(to_utf8(cast({{ field }} as varchar))))){%- endmacro %}
{% macro trino__right(string_text, length_expression) -%}
    {{ return(
        '\n    case when ' ~ length_expression ~ " = 0\n        then ''\n    else\n        substr(" ~ string_text
        ~ ', -1 * (' ~ length_expression ~ '))\n    end'
    ) }}
{%- endmacro %}
{% macro trino__split_part(string_text, delimiter_text, part_number) -%}
    {{ return(dbt._split_part_either_way(string_text, delimiter_text, part_number)) }}
{%- endmacro %}
{% macro trino__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- set list = ' array_agg(' ~ measure ~ ' ' ~ (order_by_clause or '') ~ ') ' -%}
    {%- set list = ' slice(' ~ list ~ ', 1, ' ~ limit_num ~ ') ' if limit_num else list -%}
    {{ return(' array_join(' ~ list ~ ', ' ~ delimiter_text ~ ') ') }}
{%- endmacro %}
{% macro trino__any_value(expression) -%}min({{ expression }}){%- endmacro %}
{% macro trino__array_construct(inputs, data_type) -%}
    {{- 'array[ ' ~ inputs | join(' , ') ~ ' ]' if inputs else 'null' -}}
{%- endmacro %}
{% macro trino__array_concat(array_1, array_2) -%}concat({{ array_1 }}, {{ array_2 }}){%- endmacro %}
{% macro trino__array_append(array, new_element) -%}{{ return(dbt._append_by_concat(array, new_element)) }}{%- endmacro %}
