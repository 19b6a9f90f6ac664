select * from {{ ref('mart') }}
