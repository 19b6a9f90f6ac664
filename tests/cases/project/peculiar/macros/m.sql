{% macro mine(x) %}{{ x }} {{ dbt.hash("a") }}{% endmacro %}
{% macro generate_schema_name(custom_schema_name, node) %}{% if custom_schema_name %}{{ custom_schema_name | trim }}_{{ node.resource_type }}{% else %}{{ target.schema }}{% endif %}{% endmacro %}
