-- Every move that was ever delivered is in the fact table, however late it came.
select raw.move_id
from {{ ref('stg_container_moves') }} as raw
left join {{ ref('fct_container_moves') }} as moves on raw.move_id = moves.move_id
where raw.move_id is not null
    and moves.move_id is null
