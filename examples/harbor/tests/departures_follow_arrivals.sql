-- Also across a change of clocks: in UTC a vessel never leaves before it came.
select call_id, arrived_at, departed_at
from {{ ref('stg_port_calls') }}
where departed_at <= arrived_at
