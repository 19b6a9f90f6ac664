-- How late a carrier's moves were reported, since the day from which the report looks back.
select
    moves.carrier_code,
    carriers.carrier_name,
    count(*) as moves,
    count(*) filter (where moves.hours_late >= 24) as late_moves,
    count(*) filter (where moves.hours_late > 72) as very_late_moves,
    round(count(*) filter (where moves.hours_late >= 24) / count(*), 4) as late_share,
    max(moves.hours_late) as hours_late_max
from {{ ref('fct_container_moves') }} as moves
left join {{ ref('stg_carriers') }} as carriers
    on moves.carrier_code = carriers.carrier_code
where moves.move_date >= date '{{ var("report_from") }}'
    and not moves.is_void
group by
    moves.carrier_code,
    carriers.carrier_name
