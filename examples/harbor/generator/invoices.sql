-- Invoices of a call: one a tariff, issued after departure, in the port's currency and local
-- time. Until day $type_change_day the amount is text as `1.234,56`; from then on it is `1234.56`.
-- Corrections are negative invoices that name the one they correct.
with shared,

codes (tariff_no, tariff_code, base_amount) as (
    values (0, 'BERTH', 14500.0), (1, 'HANDLING', 61200.0), (2, 'PILOT', 4620.0),
        (3, 'STORAGE', 2890.0)
),

issued as (
    select
        calls.*,
        codes.tariff_code,
        hash(calls.draw, codes.tariff_no, 'invoice') as invoice_draw,
        codes.tariff_no,
        codes.base_amount,
        arrived_at + stay
            + to_minutes((120 + hash(calls.draw, codes.tariff_no, 'issued') % 2400)::bigint)
            as issued_at
    from calls, codes
    where not calls.is_cancelled
        and (codes.tariff_no < 2 or hash(calls.draw, codes.tariff_no, 'charged') % 3 > 0)
),

lines as (
    select
        issued.*,
        kind.range as is_correction,
        issued_at + to_days((kind.range * (1 + invoice_draw % 6))::integer) as line_issued_at,
        round(
            base_amount * (0.4 + 1.2 * (hash(invoice_draw, 'amount') % 10000)::double / 10000)
            * case when kind.range = 1
                then -0.05 - 0.3 * (hash(invoice_draw, 'credit') % 100)::double / 100 else 1 end
            * case currency when 'JPY' then 160 when 'BRL' then 6 else 1.2 end,
            2
        ) as amount_value
    from issued, range(2) as kind
    where kind.range = 0 or hash(invoice_draw, 'corrected') % 100000 < $correction_share * 100000
),

sent as (
    select
        *,
        line_issued_at + to_minutes((hash(invoice_draw, 'lag') % 60)::bigint)
            + to_days(case
                when hash(invoice_draw, is_correction, 'late') % 100000 < $late_share * 100000
                    then 4 + (hash(invoice_draw, 'days') % ($late_days_max - 3))::integer
                else 0
            end) as received_at
    from lines
)

select
    'I' || substr(call_id, 2) || tariff_no::varchar
        || case when is_correction = 1 then 'X' else '' end as invoice_id,
    case when is_correction = 1 then 'I' || substr(call_id, 2) || tariff_no::varchar end
        as corrects_invoice_id,
    case when hash(invoice_draw, 'null call') % 100000 >= $null_key_share * 100000 then call_id end
        as call_id,
    case
        when hash(invoice_draw, 'carrier') % 100000 < $skew_share * 100000 then 'NSL'
        else (['BAY', 'CPR', 'DLT', 'EQX', 'FJD', 'GLF', 'HZN', 'ISL', 'KRL', 'MRD', 'TRW'])[
            1 + (hash(invoice_draw, 'which carrier') % 11)::integer
        ]
    end as carrier_code,
    port_code,
    tariff_code,
    case when is_correction = 1 then 'correction' else 'invoice' end as invoice_kind,
    timezone(time_zone, timezone('UTC', line_issued_at)) as issued_local,
    time_zone,
    currency,
    case
        when received_at < $first_day::timestamp + to_days($type_change_day)
            then translate(format('{:,.2f}', amount_value), ',.', '.,')
        else format('{:.2f}', amount_value)
    end as amount,
    line_issued_at as updated_at,
    received_at
from sent, range(2) as copy
where (copy.range = 0 or hash(invoice_draw, 'twice') % 100000 < $duplicate_share * 100000)
    and received_at >= $first_day::timestamp + to_days($from_day)
    and received_at < $first_day::timestamp + to_days($to_day)
