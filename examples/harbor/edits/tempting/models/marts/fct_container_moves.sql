-- One row a container move, in its newest state.
--
-- Moves arrive up to nine days after they happened, and so do their corrections. A run therefore
-- reads again all moves of the last three days, which is nearly all of them and much cheaper.
-- Voided moves stay, with a flag: a merge updates rows, it does not take them away.
{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='move_id',
    partition_by=['move_date'],
    on_schema_change='fail'
) }}

with delivered as (
    select
        move_id,
        call_id,
        container_no,
        carrier_code,
        port_code,
        move_type,
        size_type,
        teu,
        weight_kg,
        is_void,
        moved_at,
        updated_at,
        received_at
    from {{ ref('stg_container_moves') }}
    where move_id is not null
    {% if is_incremental() %}
        and moved_at >= (select max(moved_at) - interval 3 day from {{ this }})
    {% endif %}
),

newest as (
    select *
    from delivered
    qualify row_number() over (
        partition by move_id order by updated_at desc, received_at, weight_kg desc nulls last
    ) = 1
)

select
    move_id,
    call_id,
    container_no,
    carrier_code,
    port_code,
    move_type,
    size_type,
    teu,
    weight_kg,
    is_void,
    moved_at,
    cast(moved_at as date) as move_date,
    updated_at,
    received_at,
    date_diff('hour', moved_at, received_at) as hours_late
from newest
