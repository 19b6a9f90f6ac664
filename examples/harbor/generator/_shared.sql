-- What several raw tables agree on: ports, carriers and the true course of every port call.
-- generate.py puts these CTEs in place of the line `with shared` of each file.
-- Every draw is hash(seed, key, purpose), so a row depends on its key alone: never on the batch
-- in which it is generated, on the order of rows or on the number of threads.
with ports (port_no, port_code, time_zone, currency, berths) as (
    values
        (0, 'NLRTM', 'Europe/Amsterdam', 'EUR', 9),
        (1, 'USNYC', 'America/New_York', 'USD', 6),
        (2, 'SGSIN', 'Asia/Singapore', 'SGD', 10),
        (3, 'AUSYD', 'Australia/Sydney', 'AUD', 4),
        (4, 'BRSSZ', 'America/Sao_Paulo', 'BRL', 5),
        (5, 'USLAX', 'America/Los_Angeles', 'USD', 7),
        (6, 'GBFXT', 'Europe/London', 'GBP', 4),
        (7, 'JPYOK', 'Asia/Tokyo', 'JPY', 5)
),

-- Carrier 0 is the skewed one; carrier 12 joins on day 15. Invented names.
carrier_list (carrier_no, carrier_code, carrier_name, home_currency) as (
    values
        (0, 'NSL', 'Northern Star Line', 'EUR'),
        (1, 'BAY', 'Bayline Container', 'USD'),
        (2, 'CPR', 'Copper Coast Shipping', 'AUD'),
        (3, 'DLT', 'Delta Feeder', 'EUR'),
        (4, 'EQX', 'Equinox Marine', 'SGD'),
        (5, 'FJD', 'Fjord Lines', 'EUR'),
        (6, 'GLF', 'Gulfway', 'USD'),
        (7, 'HZN', 'Horizon Pacific', 'JPY'),
        (8, 'ISL', 'Island Bridge', 'GBP'),
        (9, 'KRL', 'Coral Route', 'BRL'),
        (10, 'MRD', 'Meridian Ocean', 'USD'),
        (11, 'TRW', 'Tradewind Union', 'SGD'),
        (12, 'ZEN', 'Zenith Box', 'JPY')
),

sizes as (
    select
        greatest(1, round(111000 * $scale))::bigint as moves_a_day,
        greatest(6, round(120 * sqrt($scale)))::bigint as calls_a_day,
        greatest(40, round(1500 * sqrt($scale)))::bigint as vessels
),

-- A call arrives on its day (counted from $first_day, UTC) and stays 8 to 36 hours.
-- 24 days back covers the longest way of a row: 3 days until it is departed, 2 until it is billed,
-- 7 until the bill is corrected, 9 days late, and some margin.
call_keys as (
    select
        day_no.range as day_no,
        slot.range as slot,
        hash($seed, day_no.range, slot.range, 'call') as draw
    from range(greatest(0, $from_day - 24), $to_day + 3) as day_no,
        sizes,
        range(sizes.calls_a_day) as slot
),

calls as (
    select
        keys.day_no,
        keys.slot,
        'C' || lpad(keys.day_no::varchar, 4, '0') || lpad(keys.slot::varchar, 4, '0') as call_id,
        'IMO' || (9100000 + 7 * (hash(keys.draw, 'vessel') % sizes.vessels))::varchar as imo,
        ports.port_code,
        ports.time_zone,
        ports.currency,
        1 + (hash(keys.draw, 'berth') % ports.berths)::integer as berth_no,
        hash(keys.draw, 'cancelled') % 100000 < $cancelled_share * 100000 as is_cancelled,
        keys.draw,
        $first_day::timestamp + to_days(keys.day_no::integer)
            + to_minutes((hash(keys.draw, 'arrival') % 1200)::bigint) as arrived_at,
        to_minutes((480 + hash(keys.draw, 'stay') % 1681)::bigint) as stay
    from call_keys as keys
    cross join sizes
    inner join ports on ports.port_no = (hash(keys.draw, 'port') % 8)::integer
)
