select
    customer,
    count(*) as orders,
    sum(amount) as revenue,
    min(ordered_on) as first_order_on
from {{ ref("stg_orders") }}
group by customer
