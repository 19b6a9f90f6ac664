{# Databricks' words; what is not here is Spark's.
   docs.databricks.com/en/sql/language-manual/sql-ref-functions-builtin.html #}

{% macro databricks__split_part(string_text, delimiter_text, part_number) -%}
    {%- set split, place = dbt._spark_split(string_text, delimiter_text, part_number) -%}
    {{ return('\n\n        get(split' ~ split ~ ', ' ~ place ~ ')\n\n        ') }}
{%- endmacro %}
