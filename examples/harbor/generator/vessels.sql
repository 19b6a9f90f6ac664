-- Change feed of the vessel register: every vessel on day 0, then one row a change of flag,
-- carrier or owner. Some changes are delivered two days after a newer one (out of order).
with shared,

vessel_keys as (
    select vessel.range as vessel_no, hash($seed, vessel.range, 'vessel') as draw
    from sizes, range(sizes.vessels) as vessel
),

-- All changes from day 0 on: a later row carries the full state, so it needs the earlier ones.
changes as (
    select
        keys.vessel_no,
        keys.draw as vessel_draw,
        day_no.range as day_no,
        hash($seed, keys.vessel_no, day_no.range, 'vessel change') as draw
    from vessel_keys as keys, range(0, $to_day) as day_no
    where day_no.range = 0
        or hash($seed, keys.vessel_no, day_no.range, 'vessel change') % 100000
            < $vessel_change_share * 100000
),

states as (
    select
        vessel_no,
        vessel_draw,
        day_no,
        draw,
        case when day_no = 0 or hash(draw, 'what') % 10 < 4 then hash(draw, 'flag') end as flag,
        case when day_no = 0 or hash(draw, 'what') % 10 between 4 and 7
            then hash(draw, 'carrier') end as carrier,
        case when day_no = 0 or hash(draw, 'what') % 10 > 7 then hash(draw, 'owner') end as owner
    from changes
),

carried as (
    select
        vessel_no,
        vessel_draw,
        day_no,
        draw,
        last_value(flag ignore nulls) over history as flag,
        last_value(carrier ignore nulls) over history as carrier,
        last_value(owner ignore nulls) over history as owner
    from states
    window history as (partition by vessel_no order by day_no)
),

rows_sent as (
    select
        'IMO' || (9100000 + 7 * vessel_no)::varchar as imo,
        'MV ' || ['Aurora', 'Borealis', 'Cormorant', 'Dunlin', 'Eider', 'Fulmar', 'Gannet',
            'Heron', 'Ibis', 'Jaeger', 'Kittiwake', 'Lapwing'][1 + (vessel_draw % 12)::integer]
            || ' ' || vessel_no::varchar as vessel_name,
        ['PA', 'LR', 'MH', 'SG', 'NL', 'MT', 'BS', 'CY'][1 + (flag % 8)::integer] as flag,
        case
            when hash(carrier, 'skew') % 100000 < $skew_share * 100000 then 0
            else 1 + (carrier % 11)::integer
        end as carrier_no,
        'Owner ' || lpad((owner % 60)::varchar, 2, '0') as owner,
        800 + 200 * (vessel_draw % 100)::integer as teu_capacity,
        $first_day::timestamp + to_days(day_no::integer)
            + to_seconds((hash(draw, 'second') % 80000)::bigint) as updated_at,
        case when day_no > 0 and hash(draw, 'order') % 100000 < 10 * $out_of_order_share * 100000
            then 2 else 0 end as delay_days,
        hash(draw, 'twice') % 100000 < $duplicate_share * 100000 as is_twice
    from carried
),

delivered as (
    select
        rows_sent.* exclude (delay_days, is_twice),
        updated_at + to_days(delay_days) + to_minutes(5) as received_at
    from rows_sent, range(2) as copy
    where copy.range = 0 or is_twice
)

select
    delivered.imo,
    delivered.vessel_name,
    delivered.flag,
    carrier_list.carrier_code,
    delivered.owner,
    delivered.teu_capacity,
    delivered.updated_at,
    delivered.received_at
from delivered
inner join carrier_list on carrier_list.carrier_no = delivered.carrier_no
where delivered.received_at >= $first_day::timestamp + to_days($from_day)
    and delivered.received_at < $first_day::timestamp + to_days($to_day)
