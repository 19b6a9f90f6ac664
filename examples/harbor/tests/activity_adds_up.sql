-- The daily activity is the fact table, added up.
with activity as (
    select activity_date, sum(moves) as moves
    from {{ ref('port_day_activity') }}
    group by activity_date
),

facts as (
    select move_date, count(*) filter (where not is_void) as moves
    from {{ ref('fct_container_moves') }}
    group by move_date
)

select coalesce(activity.activity_date, facts.move_date) as day, activity.moves, facts.moves
from activity
full outer join facts on activity.activity_date = facts.move_date
where activity.moves is distinct from facts.moves
