-- One rate a currency and published day: the last revision.
select
    rate_date,
    currency,
    eur_rate
from {{ source('raw', 'exchange_rates') }}
qualify row_number() over (partition by rate_date, currency order by published_at desc) = 1
