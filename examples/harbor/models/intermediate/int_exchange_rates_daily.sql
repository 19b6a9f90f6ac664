-- A rate for every calendar day: weekends take the last working day's, ten days are carried on.
with days as (
    select
        currencies.currency,
        cast(unnest(generate_series(
            currencies.first_date, currencies.last_date + interval 10 day, interval 1 day
        )) as date) as rate_date
    from (
        select
            currency,
            min(rate_date) as first_date,
            max(rate_date) as last_date
        from {{ ref('stg_exchange_rates') }}
        group by currency
    ) as currencies
),

filled as (
    select
        days.currency,
        days.rate_date,
        last_value(rates.eur_rate ignore nulls) over (
            partition by days.currency order by days.rate_date
        ) as eur_rate,
        rates.eur_rate is null as is_carried
    from days
    left join {{ ref('stg_exchange_rates') }} as rates
        on days.currency = rates.currency and days.rate_date = rates.rate_date
)

select
    currency,
    rate_date,
    eur_rate,
    is_carried
from filled

union all

select
    'EUR' as currency,
    rate_date,
    1.0 as eur_rate,
    bool_and(is_carried) as is_carried
from filled
group by rate_date
