{# PostgreSQL's words. www.postgresql.org/docs/current/functions.html #}

{% macro postgres__current_timestamp() -%}now(){%- endmacro %}
{% macro postgres__current_timestamp_backcompat() -%}
    {{ return('\n    current_timestamp::' ~ dbt.type_timestamp() ~ '\n') }}
{%- endmacro %}
{% macro postgres__current_timestamp_in_utc_backcompat() -%}
    {{ return("\n    (current_timestamp at time zone 'utc')::" ~ dbt.type_timestamp() ~ '\n') }}
{%- endmacro %}
{% macro postgres__snapshot_get_time() -%}{{ dbt.current_timestamp() }}::timestamp without time zone{%- endmacro %}
{% macro postgres__snapshot_string_as_time(timestamp) -%}'{{ timestamp }}'::timestamp without time zone{%- endmacro %}

{% macro postgres__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {{ return('\n\n    ' ~ from_date_or_timestamp ~ " + ((interval '1 " ~ datepart ~ "') * (" ~ interval ~ '))\n\n') }}
{%- endmacro %}

{# Boundaries crossed: each unit is the next larger one's, and the difference of its own parts. #}
{% macro postgres__datediff(first_date, second_date, datepart) -%}
    {{ return('\n        ' ~ dbt._postgres_datediff(first_date, second_date, datepart) ~ '\n    ') }}
{%- endmacro %}
{% macro _postgres_datediff(a, b, unit) -%}
    {%- set first, last = '(' ~ a ~ ')::date', '(' ~ b ~ ')::date' -%}
    {%- set start, end = '(' ~ a ~ ')::timestamp', '(' ~ b ~ ')::timestamp' -%}
    {%- set larger = {
        'quarter': ('year', 4, ''), 'month': ('year', 12, ''), 'hour': ('day', 24, ''),
        'minute': ('hour', 60, ''), 'second': ('minute', 60, 'floor('),
        'millisecond': ('minute', 60000, 'floor('), 'microsecond': ('minute', 60000000, 'floor('),
    } -%}
    {%- if unit == 'year' -%}
        {{ return("(date_part('year', " ~ last ~ ") - date_part('year', " ~ first ~ '))') }}
    {%- elif unit == 'day' -%}
        {{ return('(' ~ last ~ ' - ' ~ first ~ ')') }}
    {%- elif unit == 'week' -%}
        {%- set edge = '\n                case when ' ~ a ~ ' <= ' ~ b ~ ' then ' -%}
        {{ return(
            '(' ~ dbt.datediff(a, b, 'day') ~ " / 7 + case\n            when date_part('dow', " ~ start
            ~ ") <= date_part('dow', " ~ end ~ ') then' ~ edge ~ '0 else -1 end\n            else' ~ edge
            ~ '1 else 0 end\n        end)'
        ) }}
    {%- elif unit in larger -%}
        {%- set over, count, floor = larger[unit] -%}
        {%- set low, high = (first, last) if unit in ('quarter', 'month') else (start, end) -%}
        {%- set close = ')' if floor else '' -%}
        {{ return(
            '(' ~ dbt.datediff(a, b, over) ~ ' * ' ~ count ~ ' + ' ~ floor ~ "date_part('" ~ unit ~ "', " ~ high
            ~ ')' ~ close ~ ' - ' ~ floor ~ "date_part('" ~ unit ~ "', " ~ low ~ ')' ~ close ~ ')'
        ) }}
    {%- endif -%}
    {{ exceptions.raise_compiler_error('datediff on Postgres does not know the date part `' ~ unit ~ '`') }}
{%- endmacro %}
{# There is no interval of a quarter. #}
{% macro postgres__last_day(date, datepart) -%}
    {%- if datepart == 'quarter' -%}
        {{ return('-- postgres dateadd does not support quarter interval.\n    ' ~ dbt.default_last_day(date, datepart, '3', 'month')) }}
    {%- endif -%}
    {{ return(dbt.default_last_day(date, datepart)) }}
{%- endmacro %}

{% macro postgres__any_value(expression) -%}min({{ expression }}){%- endmacro %}
{% macro postgres__split_part(string_text, delimiter_text, part_number) -%}
    {{ return('\n' ~ dbt._split_part_either_way(string_text, delimiter_text, part_number) ~ '\n') }}
{%- endmacro %}
{% macro postgres__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- set ordered = order_by_clause or '' -%}
    {%- if limit_num -%}
        {{ return(
            'array_to_string(\n        (array_agg(\n            ' ~ measure ~ '\n            ' ~ ordered
            ~ '\n        ))[1:' ~ limit_num ~ '],\n        ' ~ delimiter_text ~ '\n        )'
        ) }}
    {%- endif -%}
    {{ return(
        '\n    string_agg(\n        ' ~ measure ~ ',\n        ' ~ delimiter_text ~ '\n        ' ~ ordered ~ '\n        )'
    ) }}
{%- endmacro %}
{% macro postgres__information_schema_name(database) -%}information_schema{%- endmacro %}
{% macro postgres__equals(expr1, expr2) -%}{{ return(dbt._equal(expr1, expr2)) }}{%- endmacro %}
