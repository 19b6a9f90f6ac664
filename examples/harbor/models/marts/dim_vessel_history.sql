-- A vessel's flag, carrier and owner over time: one row a period in which none of them changed.
-- The first period is open to the past, so that calls before the first record find their vessel.
with changes as (
    select
        *,
        row_number() over (partition by imo order by updated_at) as change_no,
        lag(flag) over (partition by imo order by updated_at) as flag_before,
        lag(carrier_code) over (partition by imo order by updated_at) as carrier_before,
        lag(owner_name) over (partition by imo order by updated_at) as owner_before
    from {{ ref('stg_vessels') }}
),

periods as (
    select *
    from changes
    where change_no = 1
        or flag is distinct from flag_before
        or carrier_code is distinct from carrier_before
        or owner_name is distinct from owner_before
)

select
    imo || '@' || strftime(updated_at, '%Y%m%d%H%M%S') as vessel_version_key,
    imo,
    vessel_name,
    flag,
    carrier_code,
    owner_name,
    teu_capacity,
    case when change_no = 1 then timestamp '2000-01-01' else updated_at end as valid_from,
    lead(updated_at) over (partition by imo order by updated_at) as valid_to,
    lead(updated_at) over (partition by imo order by updated_at) is null as is_current
from periods
