-- Port calls as the agents' system sends them: planned, arrived, departed, or cancelled, each a
-- new row of the same call_id, in the port's LOCAL time. Some planned rows come once more after
-- the departure: a later arrival with an older updated_at.
with shared,

versions as (
    select
        calls.*,
        version.step,
        version.call_status,
        hash(calls.draw, version.step, 'version') as version_draw,
        calls.arrived_at - to_minutes((hash(calls.draw, 'eta') % 600)::bigint - 240) as eta
    from calls
    inner join (
        values (1, 'planned'), (2, 'arrived'), (3, 'departed'), (4, 'cancelled'), (5, 'planned')
    ) as version (step, call_status)
        on case version.step
            when 1 then true
            when 4 then calls.is_cancelled
            when 5 then not calls.is_cancelled
                and hash(calls.draw, 'order') % 100000 < 4 * $out_of_order_share * 100000
            else not calls.is_cancelled
        end
),

timed as (
    select
        *,
        case step
            when 2 then arrived_at + to_minutes(10)
            when 3 then arrived_at + stay + to_minutes(15)
            when 4 then greatest($first_day::timestamp + to_minutes(1), eta - to_hours(6))
            else greatest(
                $first_day::timestamp,
                eta - to_days(2) + to_minutes((hash(draw, 'plan') % 300)::bigint)
            )
        end as updated_at
    from versions
),

sent as (
    select
        *,
        case
            when step = 5 then arrived_at + stay + to_days(1)
            else greatest($first_day::timestamp, updated_at) + to_minutes((version_draw % 50)::bigint)
                + to_days(case
                    when version_draw % 100000 < $late_share * 100000
                        then 4 + (hash(version_draw, 'days') % 5)::integer
                    else 0
                end)
        end as received_at
    from timed
)

select
    call_id,
    imo,
    port_code,
    time_zone,
    berth_no,
    timezone(time_zone, timezone('UTC', eta)) as eta_local,
    case when step in (2, 3) then timezone(time_zone, timezone('UTC', arrived_at)) end
        as arrived_local,
    case when step = 3 then timezone(time_zone, timezone('UTC', arrived_at + stay)) end
        as departed_local,
    call_status,
    updated_at,
    received_at
from sent, range(2) as copy
where (copy.range = 0 or hash(version_draw, 'twice') % 100000 < $duplicate_share * 100000)
    and received_at >= $first_day::timestamp + to_days($from_day)
    and received_at < $first_day::timestamp + to_days($to_day)
