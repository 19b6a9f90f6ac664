-- Euros for one unit of a currency, published on working days only. Some rates are revised the
-- next day.
with shared,

currency_list (currency, currency_no, base_rate) as (
    values ('USD', 0, 0.87), ('SGD', 1, 0.67), ('AUD', 2, 0.58), ('BRL', 3, 0.158),
        ('GBP', 4, 1.15), ('JPY', 5, 0.0058)
),

rates as (
    select
        ($first_day::date + day_no.range::integer) as rate_date,
        currency_list.*,
        day_no.range as day_no,
        revision.range as revision,
        hash($seed, currency_no, day_no.range, revision.range, 'rate') as draw
    from range(greatest(0, $from_day - 2), $to_day) as day_no,
        currency_list,
        range(2) as revision
    where (isodow($first_day::date + day_no.range::integer) < 6 or day_no.range = 0)
        and (revision.range = 0 or hash($seed, currency_no, day_no.range, 'revised') % 33 = 0)
)

select
    rate_date,
    currency,
    round(
        base_rate * (1 + 0.02 * sin(day_no / 9.0 + currency_no))
        * (0.997 + 0.000006 * (draw % 1000)::integer),
        6
    ) as eur_rate,
    rate_date::timestamp + to_hours((16 + 20 * revision)::integer) as published_at,
    rate_date::timestamp + to_hours((17 + 20 * revision)::integer) as received_at
from rates
where rate_date::timestamp + to_hours((17 + 20 * revision)::integer)
        >= $first_day::timestamp + to_days($from_day)
    and rate_date::timestamp + to_hours((17 + 20 * revision)::integer)
        < $first_day::timestamp + to_days($to_day)
