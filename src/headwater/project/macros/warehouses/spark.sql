{# Spark's words. spark.apache.org/docs/latest/api/sql #}

{% macro spark__current_timestamp() -%}current_timestamp(){%- endmacro %}
{% macro spark__snapshot_string_as_time(timestamp) -%}to_timestamp('{{ timestamp }}'){%- endmacro %}

{% macro spark__date(year, month, day) -%}
to_date('{{ modules.datetime.date(year, month, day).isoformat() }}', 'yyyy-MM-dd')
{%- endmacro %}
{% macro spark__dateadd(datepart, interval, from_date_or_timestamp) -%}
timestampadd({{ datepart }}, {{ interval }}, {{ from_date_or_timestamp }})
{%- endmacro %}
{# Whole periods between the starts of both: the boundaries crossed. #}
{% macro spark__datediff(first_date, second_date, datepart) -%}
timestampdiff({{ datepart }}, {{ dbt.date_trunc(datepart, first_date) }}, {{ dbt.date_trunc(datepart, second_date) }})
{%- endmacro %}

{% macro spark__safe_cast(field, type) -%}
    {%- if field is string and dbt.cast_from_string_unsupported_for(type) -%}
        {%- set field = field.strip('"').strip("'") -%}
    {%- endif -%}
    {{ return('cast(' ~ field ~ ' as ' ~ type ~ ')\n') }}
{%- endmacro %}
{% macro cast_from_string_unsupported_for(type) -%}
    {{ return(type.lower().startswith(('struct', 'array', 'map'))) }}
{%- endmacro %}
{% macro spark__escape_single_quotes(expression) -%}{{ expression | replace("'", "\\'") }}{%- endmacro %}
{# Fails where a function of a value gives null; older packages call it. #}
{% macro assert_not_null(function, arg) -%}
    {%- set made = function ~ '(' ~ arg ~ ')' -%}
    {{ return('coalesce(' ~ made ~ ', nvl2(' ~ made ~ ', assert_true(' ~ made ~ ' is not null), null))') }}
{%- endmacro %}

{% macro spark__concat(fields) -%}concat({{ fields | join(', ') }}){%- endmacro %}
{% macro spark__split_part(string_text, delimiter_text, part_number) -%}
    {%- set split, place = dbt._spark_split(string_text, delimiter_text, part_number) -%}
    {%- set place = place if part_number >= 0 else '\n                ' ~ place | trim ~ '\n            ' -%}
    {{ return('\n\n        split' ~ split ~ '[(' ~ place ~ ')]\n\n        ') }}
{%- endmacro %}
{# The delimiter is a regular expression: a sign is escaped. Returns arguments and place from 0. #}
{% macro _spark_split(text, delimiter, part) -%}
    {%- set mark = '\n\n        -- escape if starts with a special character\n        case when regexp_extract('
        ~ delimiter ~ ", '([^A-Za-z0-9])(.*)', 1) != '_'\n            then concat('\\\\', " ~ delimiter
        ~ ')\n            else ' ~ delimiter ~ ' end\n\n    ' -%}
    {%- set split = '(\n            ' ~ text ~ ',\n            ' ~ mark ~ '\n            )' -%}
    {%- if part >= 0 -%}{{ return((split, part - 1 if part > 0 else part)) }}{%- endif -%}
    {{ return((split, '\n                length(' ~ text ~ ')\n                - length(\n                    replace('
        ~ text ~ ',  ' ~ delimiter ~ ", '')\n                ) + 1 + " ~ part ~ '\n            ')) }}
{%- endmacro %}
{# An order cannot be asked for; dbt warns likewise. #}
{% macro spark__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- if order_by_clause -%}{%- do exceptions.warn('listagg on Spark has no order; order_by_clause is dropped') -%}{%- endif -%}
    {%- set list = ' collect_list(' ~ measure ~ ') ' -%}
    {%- set list = ' slice(' ~ list ~ ', 1, ' ~ limit_num ~ ') ' if limit_num else list -%}
    {{ return(' array_join(' ~ list ~ ', ' ~ delimiter_text ~ ') ') }}
{%- endmacro %}
{% macro spark__any_value(expression) -%}first({{ expression }}){%- endmacro %}
{% macro spark__bool_or(expression) -%}max({{ expression }}){%- endmacro %}
{% macro spark__array_construct(inputs, data_type) -%}array( {{ inputs | join(' , ') }} ){%- endmacro %}
{% macro spark__array_concat(array_1, array_2) -%}concat({{ array_1 }}, {{ array_2 }}){%- endmacro %}
{% macro spark__array_append(array, new_element) -%}{{ return(dbt._append_by_concat(array, new_element)) }}{%- endmacro %}
