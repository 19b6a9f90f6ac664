{# Snowflake's words. docs.snowflake.com/en/sql-reference/functions-all #}

{% macro snowflake__current_timestamp() -%}convert_timezone('UTC', current_timestamp()){%- endmacro %}
{% macro snowflake__current_timestamp_backcompat() -%}
    {{ return('\n  current_timestamp::' ~ dbt.type_timestamp() ~ '\n') }}
{%- endmacro %}
{% macro snowflake__current_timestamp_in_utc_backcompat() -%}
    {%- set here = dbt.snowflake__current_timestamp_backcompat() -%}
    {{ return("\n  convert_timezone('UTC', " ~ here ~ ')::' ~ dbt.type_timestamp() ~ '\n') }}
{%- endmacro %}
{% macro snowflake__snapshot_get_time() -%}to_timestamp_ntz({{ dbt.current_timestamp() }}){%- endmacro %}
{% macro snowflake__snapshot_string_as_time(timestamp) -%}to_timestamp_ntz('{{ timestamp }}'){%- endmacro %}

{# Types of places are made by functions of their own. #}
{% macro snowflake__cast(field, type) -%}
    {%- set place = {'GEOGRAPHY': 'to_geography(', 'GEOMETRY': 'to_geometry('}.get(type | upper) -%}
    {{ return('\n    ' ~ (place ~ field ~ ')\n    ' if place else 'cast(' ~ field ~ ' as ' ~ type ~ ')\n    ')) }}
{%- endmacro %}
{# try_cast takes text only, and does not know variant. #}
{% macro snowflake__safe_cast(field, type) -%}
    {%- set place = {'GEOGRAPHY': 'try_to_geography(', 'GEOMETRY': 'try_to_geometry('}.get(type | upper) -%}
    {%- if place -%}{{ return('\n    ' ~ place ~ field ~ ')\n    ') }}{%- endif -%}
    {%- if type | upper == 'VARIANT' -%}{{ return('\n    ' ~ dbt.cast(field, type) ~ '\n    ') }}{%- endif -%}
    {%- set text = dbt.string_literal(field) if field is number else field -%}
    {{ return('\n    \n        try_cast(' ~ text ~ ' as ' ~ type ~ ')\n    ') }}
{%- endmacro %}
{% macro snowflake__escape_single_quotes(expression) -%}{{ expression | replace("'", "\\'") }}{%- endmacro %}
{% macro snowflake__right(string_text, length_expression) -%}
    {{ return(
        '\n\n    case when ' ~ length_expression ~ " = 0\n        then ''\n    else\n        right(\n            "
        ~ string_text ~ ',\n            ' ~ length_expression ~ '\n        )\n    end'
    ) }}
{%- endmacro %}
{% macro snowflake__bool_or(expression) -%}boolor_agg({{ expression }}){%- endmacro %}
{% macro snowflake__array_construct(inputs, data_type) -%}array_construct( {{ inputs | join(' , ') }} ){%- endmacro %}
{% macro snowflake__equals(expr1, expr2) -%}{{ return(dbt._equal(expr1, expr2)) }}{%- endmacro %}
