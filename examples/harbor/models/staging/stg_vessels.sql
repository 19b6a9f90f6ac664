-- Changes of the vessel register, each once, whatever the order in which they came.
select
    imo,
    vessel_name,
    flag,
    carrier_code,
    owner as owner_name,
    teu_capacity,
    updated_at
from {{ source('raw', 'vessels') }}
qualify row_number() over (partition by imo, updated_at order by received_at) = 1
