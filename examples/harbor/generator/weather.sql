-- Hourly weather at each port, stamped with LOCAL time as the station's clock shows it: on the
-- day that clocks go back one local hour comes twice, on the other an hour is missing. The
-- station's offset tells the two apart; one row in twenty comes without it.
with shared,

hours as (
    select
        ports.port_code,
        ports.time_zone,
        hour_no.range as hour_no,
        $first_day::timestamp + to_hours(hour_no.range::integer) as observed_at,
        hash($seed, ports.port_no, hour_no.range, 'weather') as draw,
        hash($seed, ports.port_no, hour_no.range // 12, 'front') as front
    from ports, range(24 * $from_day, 24 * $to_day) as hour_no
),

stamped as (
    select *, timezone(time_zone, timezone('UTC', observed_at)) as observed_local
    from hours
)

select
    port_code,
    time_zone,
    observed_local,
    case when hash(draw, 'offset') % 20 > 0
        then date_diff('minute', observed_at, observed_local)::integer end as utc_offset_minutes,
    round(1 + (front % 14)::integer + 0.01 * (draw % 400)::integer, 1)::double as wind_ms,
    round(8 + 12 * sin(hour_no / 24.0) + 0.1 * (front % 90)::integer, 1) as air_celsius,
    case when hash(front, 'fog') % 25 = 0 then 300 else 10000 end as visibility_m,
    observed_at + to_minutes(3) as received_at
from stamped
