-- Every day of 2026: the time spine of the semantic models.
select cast(day as date) as calendar_day
from (
    select unnest(
        generate_series(timestamp '2026-01-01', timestamp '2026-12-31', interval 1 day)
    ) as day
) as days
