-- Container moves from the terminals' systems, the large table. A row's lateness is its commit
-- day: received_at may lie up to nine days after moved_at. Versions of one move_id:
--   1 the move, 2 the same row again, 3 a correction (weight, or void), 4 an old state sent last.
-- moved_at never changes between versions, and no version comes more than nine days after it.
with shared,

-- Moves of day d belong to calls of day d and happen during the stay.
drawn as (
    select
        calls.call_id,
        calls.port_code,
        calls.arrived_at,
        calls.stay,
        calls.day_no * 10000000 + move.range as move_id,
        hash($seed, calls.day_no, move.range, 'move') as draw
    from sizes,
        range(sizes.moves_a_day) as move
    inner join calls on calls.slot = move.range % sizes.calls_a_day
    where not calls.is_cancelled
),

timed as (
    select
        *,
        arrived_at + to_seconds(
            (hash(draw, 'when') % greatest(1, epoch(stay)::bigint))::bigint
        ) as moved_at,
        case
            when hash(draw, 'late') % 100000 < $late_share * 100000
                then 4 + (hash(draw, 'very late') % ($late_days_max - 3))::integer
            when hash(draw, 'late') % 100000 < ($late_share + 0.06) * 100000
                then 1 + (hash(draw, 'a bit late') % 3)::integer
            else 0
        end as late_days
    from drawn
),

first_sent as (
    select
        *,
        case
            when late_days = 0 then moved_at + to_minutes((hash(draw, 'lag') % 30)::bigint)
            else moved_at + to_days(late_days) - to_minutes((hash(draw, 'lag') % 30)::bigint)
        end as first_received_at
    from timed
),

versions as (
    select
        first_sent.*,
        version.range as version,
        least(
            moved_at + to_days($late_days_max),
            first_received_at + case version.range
                when 2 then to_days((hash(draw, 'again') % 3)::integer)
                when 3 then to_hours(20 + (hash(draw, 'correction') % 60)::integer)
                when 4 then to_hours(90)
                else to_seconds(0)
            end
        ) as received_at
    from first_sent, range(1, 5) as version
    where case version.range
        when 1 then true
        when 2 then hash(draw, 'twice') % 100000 < $duplicate_share * 100000
        when 3 then hash(draw, 'corrected') % 100000 < $update_share * 100000
        else hash(draw, 'order') % 100000 < $out_of_order_share * 100000
    end
)

select
    case when hash(draw, 'null key') % 100000 >= $null_key_share * 100000 then move_id end
        as move_id,
    call_id,
    'HWXU' || lpad((hash(draw, 'box') % 1000000)::varchar, 6, '0')
        || (hash(draw, 'box') % 10)::varchar as container_no,
    case
        when hash(draw, 'null carrier') % 100000 < $null_key_share * 2 * 100000 then null
        when hash(draw, 'carrier') % 100000 < $skew_share * 100000 then 'NSL'
        else (['BAY', 'CPR', 'DLT', 'EQX', 'FJD', 'GLF', 'HZN', 'ISL', 'KRL', 'MRD', 'TRW'])[
            1 + (hash(draw, 'which carrier') % 11)::integer
        ]
    end as carrier_code,
    port_code,
    (['load', 'discharge', 'discharge', 'load', 'shift', 'gate_in', 'gate_out'])[
        1 + (hash(draw, 'type') % 7)::integer
    ] as move_type,
    (['20DC', '40DC', '40HC', '40HC', '20RF', '40RF', '45HC'])[
        1 + (hash(draw, 'size') % 7)::integer
    ] as size_type,
    case
        when hash(draw, 'weight') % 50 = 0 then null
        else 2000 + (hash(draw, 'weight', version = 3) % 28000)::double
    end as weight_kg,
    case
        when version = 3 and hash(draw, 'void') % 5 = 0 then 'void'
        when version = 4 then 'planned'
        else 'done'
    end as move_status,
    moved_at,
    case version
        when 3 then first_received_at + to_hours(1)
        when 4 then moved_at - to_hours(2)
        else moved_at + to_minutes(1)
    end as updated_at,
    received_at
from versions
where received_at >= $first_day::timestamp + to_days($from_day)
    and received_at < $first_day::timestamp + to_days($to_day)
