-- Moves that were delivered without their key: kept aside for the terminal, never merged.
-- received_at only grows from one delivery to the next, so appending what is newer is safe here.
{{ config(
    materialized='incremental',
    incremental_strategy='append'
) }}

select
    call_id,
    container_no,
    carrier_code,
    port_code,
    move_type,
    moved_at,
    received_at
from {{ ref('stg_container_moves') }}
where move_id is null
{% if is_incremental() %}
    and received_at > (
        select coalesce(max(received_at), timestamp '1970-01-01') from {{ this }}
    )
{% endif %}
