-- Ports by region of the world, with what a region moved.
select
    case
        when ports.country_code in ('NL', 'GB') then 'Europe'
        when ports.country_code in ('US', 'BR') then 'Americas'
        else 'Asia-Pacific'
    end as region,
    ports.port_code,
    ports.port_name,
    cast(sum(activity.moves) as bigint) as moves,
    sum(activity.teu) as teu
from {{ ref('ports') }} as ports
left join {{ ref('port_day_activity') }} as activity on ports.port_code = activity.port_code
group by
    ports.country_code,
    ports.port_code,
    ports.port_name
