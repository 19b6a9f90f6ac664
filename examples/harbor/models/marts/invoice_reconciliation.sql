-- What a departed call should have been charged for handling, beside what it was.
with charged as (
    select
        call_id,
        round(sum(amount_eur), 2) as charged_eur,
        count(*) as lines
    from {{ ref('int_invoice_lines') }}
    where tariff_code = 'HANDLING'
        and call_id is not null
    group by call_id
),

expected as (
    select
        calls.call_id,
        calls.carrier_code,
        calls.port_code,
        calls.departed_at,
        coalesce(moves.moves, 0) as moves,
        round(coalesce(moves.moves, 0) * tariffs.price, 2) as expected_eur
    from {{ ref('int_vessel_calls') }} as calls
    left join {{ ref('int_call_moves') }} as moves on calls.call_id = moves.call_id
    left join {{ ref('stg_tariffs') }} as tariffs
        on tariffs.tariff_code = 'HANDLING'
        and calls.port_code = tariffs.port_code
        and cast(calls.departed_at as date) >= tariffs.valid_from
        and (cast(calls.departed_at as date) < tariffs.valid_to or tariffs.valid_to is null)
    where calls.departed_at is not null
)

select
    expected.call_id,
    expected.carrier_code,
    expected.port_code,
    expected.departed_at,
    expected.moves,
    expected.expected_eur,
    charged.charged_eur,
    round(coalesce(charged.charged_eur, 0) - expected.expected_eur, 2) as difference_eur,
    case
        when charged.call_id is null then 'not invoiced'
        when charged.charged_eur > expected.expected_eur * 1.1 then 'over'
        when charged.charged_eur < expected.expected_eur * 0.9 then 'under'
        else 'matched'
    end as reconciliation_status
from expected
left join charged on expected.call_id = charged.call_id
