{# BigQuery's words. cloud.google.com/bigquery/docs/reference/standard-sql/functions-all #}

{% macro bigquery__current_timestamp() -%}current_timestamp(){%- endmacro %}
{% macro bigquery__current_timestamp_backcompat() -%}current_timestamp{%- endmacro %}
{% macro bigquery__snapshot_string_as_time(timestamp) -%}TIMESTAMP("{{ timestamp }}"){%- endmacro %}

{% macro bigquery__date(year, month, day) -%}date({{ year }}, {{ month }}, {{ day }}){%- endmacro %}
{% macro bigquery__date_trunc(datepart, date) -%}
    {{ return(dbt._stacked_call('timestamp_trunc', ['cast(' ~ date ~ ' as timestamp)', datepart], 4)) }}
{%- endmacro %}
{% macro bigquery__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {%- set start = '    cast( ' ~ from_date_or_timestamp ~ ' as datetime)' -%}
    {%- set step = 'interval ' ~ interval ~ ' ' ~ datepart -%}
    {{ return('\n\n        ' ~ dbt._stacked_call('datetime_add', [start, step]) ~ '\n\n') }}
{%- endmacro %}
{% macro bigquery__datediff(first_date, second_date, datepart) -%}
    {%- set last, first = 'cast(' ~ second_date ~ ' as datetime)', 'cast(' ~ first_date ~ ' as datetime)' -%}
    {{ return('\n\n    ' ~ dbt._stacked_call('datetime_diff', [last, first, datepart], 4) ~ '\n\n  ') }}
{%- endmacro %}

{# An array is cast element by element, and a struct has no text to be cast from. #}
{% macro bigquery__safe_cast(field, type) -%}
    {%- set lowered = type | lower -%}
    {%- set is_list = field is iterable and field is not string and field is not mapping -%}
    {%- if lowered.startswith('array') and is_list and field | length > 0 -%}
        {%- set kind = lowered[6:-1] -%}
        {%- if dbt.cast_from_string_unsupported_for(kind) -%}
            {%- set values = [] -%}
            {%- for part in field -%}{%- do values.append(part.strip('"').strip("'")) -%}{%- endfor -%}
            {{ return('(select array_agg(safe_cast(i as ' ~ kind ~ ')) from unnest([' ~ values | join(',') ~ ']) i)') }}
        {%- endif -%}
        {{ return('(select array_agg(safe_cast(i as ' ~ kind ~ ')) from unnest(' ~ field ~ ') i)') }}
    {%- elif lowered == 'json' and field is mapping -%}
        {{ return('safe_cast(json ' ~ dbt.string_literal(tojson(field)) ~ ' as json)') }}
    {%- elif field is string and dbt.cast_from_string_unsupported_for(type) -%}
        {%- set field = field.strip('"').strip("'") -%}
    {%- endif -%}
    {{ return('safe_cast(' ~ field ~ ' as ' ~ type ~ ')') }}
{%- endmacro %}
{% macro cast_from_string_unsupported_for(type) -%}
    {{ return(type.lower().startswith('struct') or type.lower() == 'geography') }}
{%- endmacro %}
{% macro bigquery__string_literal(value) -%}'''{{ value }}'''{%- endmacro %}
{% macro bigquery__escape_single_quotes(expression) -%}{{ expression | replace("'", "\\'") }}{%- endmacro %}

{% macro bigquery__hash(field) -%}to_hex({{ dbt.default__hash(field) }}){%- endmacro %}
{% macro bigquery__position(substring_text, string_text) -%}
    {{ return('\n\n    ' ~ dbt._stacked_call('strpos', [string_text, substring_text ~ '\n'], 4)) }}
{%- endmacro %}
{% macro bigquery__right(string_text, length_expression) -%}
    {{ return(
        '\n\n    case when ' ~ length_expression ~ " = 0\n        then ''\n    else\n        substr(\n            "
        ~ string_text ~ ',\n            -1 * (' ~ length_expression ~ ')\n        )\n    end'
    ) }}
{%- endmacro %}
{% macro bigquery__split_part(string_text, delimiter_text, part_number) -%}
    {%- if part_number >= 0 -%}
        {%- set place = part_number - 1 -%}
    {%- else -%}
        {%- set place = '\n          length(' ~ string_text ~ ')\n          - length(\n              replace('
            ~ string_text ~ ',  ' ~ delimiter_text ~ ", '')\n          ) + 1 + " ~ part_number ~ '\n        ' -%}
    {%- endif -%}
    {{ return('\n\n  \n    ' ~ dbt._stacked_call('split', [string_text, delimiter_text]) ~ '[safe_offset(' ~ place ~ ')]\n  \n\n') }}
{%- endmacro %}
{% macro bigquery__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- set limited = 'limit ' ~ limit_num if limit_num else '' -%}
    {{ return(
        'string_agg(\n        ' ~ measure ~ ',\n        ' ~ delimiter_text ~ '\n        '
        ~ (order_by_clause or '') ~ '\n        ' ~ limited ~ '\n        )'
    ) }}
{%- endmacro %}
{% macro bigquery__bool_or(expression) -%}logical_or({{ expression }}){%- endmacro %}
{% macro bigquery__except() %}{{ return('\n\n    except distinct\n\n') }}{% endmacro %}
{% macro bigquery__intersect() %}{{ return('\n\n    intersect distinct\n\n') }}{% endmacro %}
{% macro bigquery__array_construct(inputs, data_type) -%}
    {%- set made = '[ ' ~ inputs | join(' , ') ~ ' ]' if inputs else 'ARRAY<' ~ data_type ~ '>[]' -%}
    {{ return('\n    ' ~ made ~ '\n    ') }}
{%- endmacro %}
{% macro bigquery__array_concat(array_1, array_2) -%}array_concat({{ array_1 }}, {{ array_2 }}){%- endmacro %}
{% macro bigquery__array_append(array, new_element) -%}{{ return(dbt._append_by_concat(array, new_element)) }}{%- endmacro %}
{% macro bigquery__equals(expr1, expr2) -%}{{ return(dbt._equal(expr1, expr2)) }}{%- endmacro %}
