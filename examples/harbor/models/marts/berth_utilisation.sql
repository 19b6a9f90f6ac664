-- Hours in which a berth was taken, by the port's LOCAL day. A day has 23 or 25 hours when the
-- clocks change; hours_in_day says how many. More than all of them means two vessels at once.
with stays as (
    select
        call_id,
        port_code,
        time_zone,
        berth_no,
        arrived_at,
        departed_at,
        cast(unnest(generate_series(
            date_trunc('day', timezone(time_zone, timezone('UTC', arrived_at))),
            date_trunc('day', timezone(time_zone, timezone('UTC', departed_at))),
            interval 1 day
        )) as date) as local_day
    from {{ ref('int_vessel_calls') }}
    where departed_at is not null
),

bounded as (
    select
        *,
        {{ local_to_utc('cast(local_day as timestamp)', 'time_zone') }} as day_starts_at,
        {{ local_to_utc('cast(local_day + 1 as timestamp)', 'time_zone') }} as day_ends_at
    from stays
)

select
    port_code,
    berth_no,
    local_day,
    count(distinct call_id) as calls,
    date_diff('hour', min(day_starts_at), min(day_ends_at)) as hours_in_day,
    round(sum(
        date_diff(
            'minute', greatest(arrived_at, day_starts_at), least(departed_at, day_ends_at)
        )
    ) / 60.0, 2) as occupied_hours
from bounded
group by
    port_code,
    berth_no,
    local_day
