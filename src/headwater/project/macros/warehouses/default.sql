{# The cross-database functions where a warehouse has no words of its own.
   Their line breaks are dbt's: compiled SQL is compared byte for byte. #}

{# A call with one argument a line, closed after `closing` spaces. #}
{% macro _stacked_call(name, arguments, closing=8) -%}
    {%- set indent = '\n' ~ ' ' * 8 -%}
    {{ return(name ~ '(' ~ indent ~ (arguments | join(',' ~ indent)) ~ '\n' ~ ' ' * closing ~ ')') }}
{%- endmacro %}

{% macro default__current_timestamp() -%}
    {{ exceptions.raise_compiler_error('current_timestamp is not known for ' ~ adapter.type()) }}
{%- endmacro %}
{% macro default__current_timestamp_backcompat() %}{{ return('\n    current_timestamp::timestamp\n') }}{% endmacro %}
{% macro default__current_timestamp_in_utc_backcompat() %}{{ return(dbt.current_timestamp_backcompat()) }}{% endmacro %}
{% macro default__snapshot_get_time() %}{{ return('\n    ' ~ dbt.current_timestamp() ~ '\n') }}{% endmacro %}
{% macro default__snapshot_string_as_time(timestamp) -%}
    {{ exceptions.raise_compiler_error('snapshot_string_as_time is not known for ' ~ adapter.type()) }}
{%- endmacro %}

{% macro default__date(year, month, day) -%}
to_date('{{ modules.datetime.date(year, month, day).isoformat() }}', 'YYYY-MM-DD')
{%- endmacro %}
{% macro default__date_trunc(datepart, date) -%}date_trunc('{{ datepart }}', {{ date }}){%- endmacro %}
{% macro default__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {{ return('\n\n    ' ~ dbt._stacked_call('dateadd', [datepart, interval, from_date_or_timestamp]) ~ '\n\n') }}
{%- endmacro %}
{% macro default__datediff(first_date, second_date, datepart) -%}
    {{ return(dbt._stacked_call('datediff', [datepart, first_date, second_date])) }}
{%- endmacro %}
{# The day before the next period begins. #}
{% macro default_last_day(date, datepart, step='1', unit=none) -%}
    {%- set next = dbt.dateadd(unit or datepart, step, dbt.date_trunc(datepart, date)) -%}
    {{ return('cast(\n        ' ~ dbt.dateadd('day', '-1', next) ~ '\n        as date)') }}
{%- endmacro %}
{% macro default__last_day(date, datepart) -%}{{ return(dbt.default_last_day(date, datepart)) }}{%- endmacro %}

{# Counts in binary: one cross join a digit. #}
{% macro default__generate_series(upper_bound) -%}
    {%- set digits, tables = [], [] -%}
    {%- for digit in range(dbt.get_powers_of_two(upper_bound)) -%}
        {%- do digits.append('\n    p' ~ digit ~ '.generated_number * power(2, ' ~ digit ~ ')\n    ') -%}
        {%- do tables.append('\n    p as p' ~ digit ~ '\n    ') -%}
    {%- endfor -%}
    {{ return(
        '\n\n    \n\n    with p as (\n        select 0 as generated_number union all select 1\n    )'
        ~ ', unioned as (\n\n    select\n\n    ' ~ digits | join(' + \n    ')
        ~ '\n    \n    + 1\n    as generated_number\n\n    from\n\n    '
        ~ tables | join(' cross join \n    ')
        ~ '\n    \n\n    )\n\n    select *\n    from unioned\n    where generated_number <= '
        ~ upper_bound ~ '\n    order by generated_number\n\n'
    ) }}
{%- endmacro %}
{% macro default__date_spine(datepart, start_date, end_date) -%}
    {{ return(dbt._date_spine(datepart, start_date, end_date)) }}
{%- endmacro %}
{% macro _date_spine(datepart, first, last) %}


    {# The rows are counted by the warehouse first: the series needs a number. #}


    with rawdata as (

        {{ dbt.generate_series(dbt.get_intervals_between(first, last, datepart)) }}

    ),

    all_periods as (

        select (
            {{ dbt.dateadd(datepart, 'row_number() over (order by 1) - 1', first) }}
        ) as date_{{ datepart }}
        from rawdata

    ),

    filtered as (

        select *
        from all_periods
        where date_{{ datepart }} <= {{ last }}

    )

    select * from filtered

{% endmacro %}

{% macro default__type_string() %}{{ return(api.Column.translate_type('string')) }}{% endmacro %}
{% macro default__type_timestamp() %}{{ return(api.Column.translate_type('timestamp')) }}{% endmacro %}
{% macro default__type_float() %}{{ return(api.Column.translate_type('float')) }}{% endmacro %}
{% macro default__type_numeric() %}{{ return(api.Column.numeric_type('numeric', 28, 6)) }}{% endmacro %}
{% macro default__type_bigint() %}{{ return(api.Column.translate_type('bigint')) }}{% endmacro %}
{% macro default__type_int() %}{{ return(api.Column.translate_type('integer')) }}{% endmacro %}
{% macro default__type_boolean() %}{{ return(api.Column.translate_type('boolean')) }}{% endmacro %}

{% macro default__cast(field, type) %}{{ return('\n    cast(' ~ field ~ ' as ' ~ type ~ ')\n') }}{% endmacro %}
{# Few warehouses have a cast that cannot fail. #}
{% macro default__safe_cast(field, type) %}{{ return('\n    \n    cast(' ~ field ~ ' as ' ~ type ~ ')\n') }}{% endmacro %}
{% macro default__cast_bool_to_text(field) -%}
    {{ return('\n  \n    cast(' ~ field ~ ' as ' ~ api.Column.translate_type('string') ~ ')\n\n') }}
{%- endmacro %}
{% macro default__string_literal(value) -%}'{{ value }}'{%- endmacro %}
{% macro default__escape_single_quotes(expression) -%}{{ expression | replace("'", "''") }}{%- endmacro %}
{% macro default__equals(expr1, expr2) -%}{{ return(dbt._equal(expr1, expr2) ~ '\n') }}{%- endmacro %}
{% macro _equal(expr1, expr2) -%}({{ expr1 }} = {{ expr2 }}){%- endmacro %}

{% macro default__concat(fields) -%}{{ fields | join(' || ') }}{%- endmacro %}
{% macro default__hash(field) -%}md5(cast({{ field }} as {{ api.Column.translate_type('string') }})){%- endmacro %}
{% macro default__length(expression) -%}
    {{ return('\n\n    ' ~ dbt._stacked_call('length', [expression], 4)) }}
{%- endmacro %}
{% macro default__position(substring_text, string_text) -%}
    {{ return('\n\n    ' ~ dbt._stacked_call('position', [substring_text ~ ' in ' ~ string_text], 4)) }}
{%- endmacro %}
{% macro default__replace(field, old_chars, new_chars) -%}
    {{ return('\n\n    ' ~ dbt._stacked_call('replace', [field, old_chars, new_chars], 4) ~ '\n\n\n') }}
{%- endmacro %}
{% macro default__right(string_text, length_expression) -%}
    {{ return('\n\n    ' ~ dbt._stacked_call('right', [string_text, length_expression], 4)) }}
{%- endmacro %}
{% macro default__split_part(string_text, delimiter_text, part_number) -%}
    {{ return('\n\n    ' ~ dbt._stacked_call('split_part', [string_text, delimiter_text, part_number]) ~ '\n\n') }}
{%- endmacro %}
{# The same counted from the end: there is one part more than there are delimiters. #}
{% macro _split_part_negative(string_text, delimiter_text, part_number) -%}
    {%- set place = '  length(' ~ string_text ~ ')\n          - length(\n              replace('
        ~ string_text ~ ',  ' ~ delimiter_text ~ ", '')\n          ) + 2 + " ~ part_number -%}
    {{ return('\n\n    ' ~ dbt._stacked_call('split_part', [string_text, delimiter_text, place]) ~ '\n\n') }}
{%- endmacro %}
{# For warehouses whose split_part counts forward only. #}
{% macro _split_part_either_way(string_text, delimiter_text, part_number) -%}
    {%- set part = dbt.default__split_part if part_number >= 0 else dbt._split_part_negative -%}
    {{ return('\n  \n    ' ~ part(string_text, delimiter_text, part_number) ~ '\n  \n') }}
{%- endmacro %}
{% macro default__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- set within = 'within group (' ~ order_by_clause ~ ')' if order_by_clause else '' -%}
    {%- if limit_num -%}
        {{ return(
            'array_to_string(\n        array_slice(\n            array_agg(\n                ' ~ measure
            ~ '\n            )' ~ within ~ '\n            ,0\n            ,' ~ limit_num
            ~ '\n        ),\n        ' ~ delimiter_text ~ '\n        )'
        ) }}
    {%- endif -%}
    {{ return('\n    ' ~ dbt._stacked_call('listagg', [measure, delimiter_text]) ~ '\n        ' ~ within) }}
{%- endmacro %}
{% macro default__any_value(expression) -%}any_value({{ expression }}){%- endmacro %}
{% macro default__bool_or(expression) -%}bool_or({{ expression }}){%- endmacro %}
{% macro default__except() %}{{ return('\n\n    except\n\n') }}{% endmacro %}
{% macro default__intersect() %}{{ return('\n\n    intersect\n\n') }}{% endmacro %}

{% macro default__array_construct(inputs, data_type) -%}
    {%- set made = 'array[ ' ~ inputs | join(' , ') ~ ' ]' if inputs else 'array[]::' ~ data_type ~ '[]' -%}
    {{ return('\n    ' ~ made ~ '\n    ') }}
{%- endmacro %}
{% macro default__array_append(array, new_element) -%}array_append({{ array }}, {{ new_element }}){%- endmacro %}
{% macro default__array_concat(array_1, array_2) -%}array_cat({{ array_1 }}, {{ array_2 }}){%- endmacro %}
{# For warehouses that only join arrays. #}
{% macro _append_by_concat(array, new_element) -%}
    {{ return(dbt.array_concat(array, dbt.array_construct([new_element]))) }}
{%- endmacro %}
