-- One row a port call, in its newest state, in UTC. "Newest" is by updated_at: a row that came
-- last may be an old one.
{{ config(materialized='table') }}

with newest as (
    select *
    from {{ source('raw', 'port_calls') }}
    qualify row_number() over (
        partition by call_id order by updated_at desc, received_at
    ) = 1
)

select
    call_id,
    imo,
    port_code,
    time_zone,
    berth_no,
    call_status,
    call_status = 'cancelled' as is_cancelled,
    {{ local_to_utc('eta_local', 'time_zone') }} as eta_at,
    {{ local_to_utc('arrived_local', 'time_zone') }} as arrived_at,
    {{ local_to_utc('departed_local', 'time_zone') }} as departed_at,
    arrived_local,
    updated_at
from newest
