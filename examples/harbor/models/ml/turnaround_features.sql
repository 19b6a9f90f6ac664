-- Features of the turnaround model: what is known when a vessel arrives, and how long it stayed.
with weather as (
    select
        calls.call_id,
        round(avg(weather.wind_ms), 3) as wind_ms_day_before,
        min(weather.visibility_m) as visibility_m_min
    from {{ ref('int_vessel_calls') }} as calls
    inner join {{ ref('stg_weather') }} as weather
        on calls.port_code = weather.port_code
        and weather.observed_at < calls.arrived_at
        and weather.observed_at >= calls.arrived_at - interval 1 day
    where calls.departed_at is not null
    group by calls.call_id
),

calls as (
    select
        *,
        count(*) over (
            partition by port_code
            order by arrived_at
            range between interval 7 days preceding and interval 1 microsecond preceding
        ) as port_calls_week_before
    from {{ ref('int_vessel_calls') }}
    where departed_at is not null
)

select
    calls.call_id,
    calls.port_code,
    calls.carrier_code,
    calls.flag,
    calls.teu_capacity,
    calls.arrived_at,
    cast(extract(hour from calls.arrived_local) as integer) as arrival_hour_local,
    cast(extract(isodow from calls.arrived_local) as integer) as arrival_weekday_local,
    calls.minutes_behind_eta,
    calls.port_calls_week_before,
    coalesce(moves.moves, 0) as moves,
    coalesce(moves.reefer_moves, 0) as reefer_moves,
    weather.wind_ms_day_before,
    weather.visibility_m_min,
    calls.stay_hours as turnaround_hours
from calls
left join {{ ref('int_call_moves') }} as moves on calls.call_id = moves.call_id
left join weather on calls.call_id = weather.call_id
