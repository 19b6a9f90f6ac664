{% macro twice(x) %}{{ return(adapter.dispatch('twice','helper')(x)) }}{% endmacro %}
{% macro default__twice(x) %}{{ x }} * 2{% endmacro %}
{% test odd(model, by, column_name=none) %}select 1 from {{ model }} where {{ by }} = 1{% endtest %}
