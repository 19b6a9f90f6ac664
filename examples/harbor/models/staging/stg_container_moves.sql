-- Container moves as delivered, with clean types and names. Duplicates and old states are still
-- in: they are removed after the incremental filter, so that the filter can skip files.
select
    move_id,
    call_id,
    container_no,
    coalesce(carrier_code, 'UNKNOWN') as carrier_code,
    port_code,
    move_type,
    size_type,
    case when size_type like '20%' then 1.0 when size_type like '45%' then 2.25 else 2.0 end as teu,
    weight_kg,
    move_status = 'void' as is_void,
    moved_at,
    updated_at,
    received_at
from {{ source('raw', 'container_moves') }}
