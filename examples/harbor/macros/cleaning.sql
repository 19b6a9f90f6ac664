{#- A local timestamp of a time zone as UTC. In the hour that comes twice, the engine's choice. -#}
{% macro local_to_utc(local_time, time_zone) -%}
    timezone('UTC', timezone({{ time_zone }}, {{ local_time }}))
{%- endmacro %}


{#- An amount that was typed as `1.234,56` or as `1234.56`, as a number. -#}
{% macro amount_from_text(amount, type='double') -%}
    cast(
        case
            when {{ amount }} like '%,%' then replace(replace({{ amount }}, '.', ''), ',', '.')
            else {{ amount }}
        end as {{ type }}
    )
{%- endmacro %}
