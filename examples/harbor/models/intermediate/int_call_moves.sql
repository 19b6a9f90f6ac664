-- Moves of a call, counted. Ephemeral: it becomes a CTE of the models that use it.
{{ config(materialized='ephemeral') }}

select
    call_id,
    count(*) as moves,
    sum(teu) as teu,
    count(*) filter (where size_type like '%RF') as reefer_moves,
    min(moved_at) as first_moved_at,
    max(moved_at) as last_moved_at
from {{ ref('fct_container_moves') }}
where not is_void
group by call_id
