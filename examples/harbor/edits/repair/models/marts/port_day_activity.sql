-- Moves of a port and day. Whole days are computed again and replace their partition; the ten
-- days are those of fct_container_moves, because no older move can have changed.
-- dbt-duckdb has no insert_overwrite; there, delete+insert by unique_key does the same.
{{ config(
    materialized='incremental',
    incremental_strategy=var('partition_strategy'),
    unique_key='activity_date',
    partition_by=['activity_date']
) }}

select
    move_date as activity_date,
    port_code,
    count(*) filter (where not is_void) as moves,
    count(*) filter (where is_void) as voided_moves,
    count(distinct call_id) as calls,
    count(*) filter (where not is_void and move_type = 'load') as loads,
    count(*) filter (where not is_void and move_type = 'discharge') as discharges,
    sum(case when is_void then 0.0 else teu end) as teu,
    sum(case when is_void then 0.0 else weight_kg end) as weight_kg,
    count(*) filter (where hours_late > 72) as very_late_moves
from {{ ref('fct_container_moves') }}
{% if is_incremental() %}
    where move_date >= (select max(activity_date) - interval 10 day from {{ this }})
{% endif %}
group by
    move_date,
    port_code
