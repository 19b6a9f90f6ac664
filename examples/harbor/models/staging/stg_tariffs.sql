-- Prices as numbers, each with the days on which it holds.
select
    tariff_code,
    port_code,
    currency,
    {{ amount_from_text('price') }} as price,
    valid_from,
    lead(valid_from) over (partition by tariff_code, port_code order by valid_from) as valid_to
from {{ source('raw', 'tariffs') }}
