{# Redshift's words; what is not here is PostgreSQL's.
   docs.aws.amazon.com/redshift/latest/dg/c_SQL_functions.html #}

{% macro redshift__current_timestamp() -%}getdate(){%- endmacro %}
{% macro redshift__current_timestamp_backcompat() -%}getdate(){%- endmacro %}
{% macro redshift__current_timestamp_in_utc_backcompat() -%}getdate(){%- endmacro %}
{% macro redshift__snapshot_get_time() -%}{{ dbt.current_timestamp() }}::timestamp{%- endmacro %}
{% macro redshift__snapshot_string_as_time(timestamp) -%}'{{ timestamp }}'::timestamp{%- endmacro %}

{% macro redshift__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {{ return(dbt.default__dateadd(datepart, interval, from_date_or_timestamp)) }}
{%- endmacro %}
{% macro redshift__datediff(first_date, second_date, datepart) -%}
    {{ return(dbt.default__datediff(first_date, second_date, datepart)) }}
{%- endmacro %}
{% macro redshift__last_day(date, datepart) -%}
    {{ return('\n    ' ~ dbt.default_last_day(date, datepart) ~ '\n') }}
{%- endmacro %}

{% macro redshift__cast_bool_to_text(field) -%}
    {{ return(
        '\n  \n    case\n        when ' ~ field ~ " is true then 'true'\n        when " ~ field
        ~ " is false then 'false'\n    end::text\n\n"
    ) }}
{%- endmacro %}
{% macro redshift__length(expression) -%}
    {{ return('\n\n    ' ~ dbt._stacked_call('len', [expression], 4)) }}
{%- endmacro %}
{# There are no arrays to cut: the first parts of the joined text are taken. #}
{% macro redshift__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
    {%- if not limit_num -%}
        {{ return(dbt.default__listagg(measure, delimiter_text, order_by_clause, limit_num)) }}
    {%- endif -%}
    {%- set mark = namespace(text=delimiter_text | trim("'")) -%}
    {%- for sign in '\\^$.|?*+()[]{}' -%}{%- set mark.text = mark.text | replace(sign, '\\\\' ~ sign) -%}{%- endfor -%}
    {%- set part = '[^' ~ mark.text ~ ']+' -%}
    {%- set within = 'within group (' ~ order_by_clause ~ ')' if order_by_clause else '' -%}
    {{ return(
        '\n    \n    ' ~ '\n        ' * 14 ~ '\n    regexp_substr(\n        listagg(\n            ' ~ measure ~ ',\n            '
        ~ delimiter_text ~ '\n            )\n            ' ~ within ~ "\n        ,'(" ~ part ~ mark.text ~ '){1,'
        ~ (limit_num - 1) ~ '}' ~ part ~ "'\n        )"
    ) }}
{%- endmacro %}
{% macro redshift__array_construct(inputs, data_type) -%}array( {{ inputs | join(' , ') }} ){%- endmacro %}
{% macro redshift__array_concat(array_1, array_2) -%}array_concat({{ array_1 }}, {{ array_2 }}){%- endmacro %}
{% macro redshift__array_append(array, new_element) -%}{{ return(dbt._append_by_concat(array, new_element)) }}{%- endmacro %}
