{# DuckDB's words, in the layout of dbt-duckdb, blank lines too, so that what is compiled is the same
   text. duckdb.org/docs/stable/sql/functions/overview #}

{% macro duckdb__current_timestamp() -%}now(){%- endmacro %}

{% macro duckdb__snapshot_get_time() -%}{{ dbt.current_timestamp() }}::timestamp{%- endmacro %}

{% macro duckdb__snapshot_string_as_time(timestamp) -%}cast('{{ timestamp }}' as timestamp){%- endmacro %}

{% macro duckdb__date(year, month, day) -%}
make_date({{ year }}, {{ month }}, {{ day }})
{%- endmacro %}

{# A bare literal has no type yet, and the engine would not choose between date and time. #}
{% macro duckdb__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {%- if modules.re.fullmatch("\\s*'[^']*'\\s*", from_date_or_timestamp | string) -%}
        {%- set from_date_or_timestamp = 'cast(' ~ from_date_or_timestamp ~ ' as timestamp)' -%}
    {%- endif -%}
    {%- set part = datepart | lower -%}
    {%- set unit = {'week': 'day', 'quarter': 'month'}.get(part, part) -%}
    {%- set number = 'cast(' ~ interval ~ ' as bigint)' -%}
    {%- if part != unit -%}{%- set number = '(' ~ number ~ ' * ' ~ {'week': 7, 'quarter': 3}[part] ~ ')' -%}{%- endif -%}
    {{- '\n\n    ' -}}
    ({{ from_date_or_timestamp }} + {{ number }} * interval 1 {{ unit }})
{%- endmacro %}

{% macro duckdb__datediff(first_date, second_date, datepart) -%}
    {%- if datepart == 'week' %}
            ({{ dbt.datediff(first_date, second_date, 'day') }} // 7 + case
            when date_part('dow', ({{ first_date }})::timestamp) <= date_part('dow', ({{ second_date }})::timestamp) then
                case when {{ first_date }} <= {{ second_date }} then 0 else -1 end
            else
                case when {{ first_date }} <= {{ second_date }} then 1 else 0 end
        end)
    {% else %}
        (date_diff('{{ datepart }}', {{ first_date }}::timestamp, {{ second_date }}::timestamp ))
    {% endif -%}
{%- endmacro %}

{% macro duckdb__last_day(date, datepart) -%}
    {%- set begun = dbt.date_trunc(datepart, date) -%}
    {%- if datepart == 'quarter' -%}
    -- duckdb dateadd does not support quarter interval.
    {% set ended = dbt.dateadd('month', '3', begun) -%}
    {%- else -%}
    {%- set ended = dbt.dateadd(datepart, '1', begun) -%}
    {%- endif -%}
    cast(
        {{ dbt.dateadd('day', '-1', ended) }}
        as date)
{%- endmacro %}

{% macro duckdb__generate_series(upper_bound) %}
    select
        generate_series as generated_number
    from generate_series(1, {{ upper_bound }})
{% endmacro %}

{% macro duckdb__split_part(string_text, delimiter_text, part_number) %}
    string_split({{ string_text }}, {{ delimiter_text }})[ {{ part_number }} ]
{% endmacro %}

{% macro duckdb__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- if limit_num -%}
    list_aggr(
        (array_agg(
            {{ measure }}
            {{ order_by_clause or '' }}
        ))[1:{{ limit_num }}],
        'string_agg',
        {{ delimiter_text }}
        )
    {%- else %}
    string_agg(
        {{ measure }},
        {{ delimiter_text }}
        {{ order_by_clause or '' }}
        )
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__any_value(expression) -%}arbitrary({{ expression }}){%- endmacro %}
