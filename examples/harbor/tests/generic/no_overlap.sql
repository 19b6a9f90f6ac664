{#- The intervals [from, to) of one key never overlap; an open end is null. -#}
{% test no_overlap(model, key, valid_from, valid_to) %}
select
    earlier.{{ key }},
    earlier.{{ valid_from }} as earlier_from,
    later.{{ valid_from }} as later_from
from {{ model }} as earlier
inner join {{ model }} as later
    on earlier.{{ key }} = later.{{ key }}
    and earlier.{{ valid_from }} < later.{{ valid_from }}
where earlier.{{ valid_to }} is null
    or earlier.{{ valid_to }} > later.{{ valid_from }}
{% endtest %}
