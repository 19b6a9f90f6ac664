-- One row a carrier, by its newest name.
select
    carrier_code,
    carrier_name,
    home_currency,
    updated_at
from {{ source('raw', 'carriers') }}
qualify row_number() over (partition by carrier_code order by updated_at desc) = 1
