-- What a call owes for the hours that it stayed beyond the port's free time.
select
    calls.call_id,
    calls.imo,
    calls.carrier_code,
    calls.port_code,
    calls.arrived_at,
    calls.departed_at,
    calls.stay_hours,
    ports.free_hours,
    greatest(0, calls.stay_hours - ports.free_hours) as billable_hours,
    round(
        greatest(0, calls.stay_hours - ports.free_hours) * ports.demurrage_eur_per_hour, 2
    ) as demurrage_eur
from {{ ref('int_vessel_calls') }} as calls
inner join {{ ref('ports') }} as ports on calls.port_code = ports.port_code
where calls.departed_at is not null
