select * from {{ ref('mart') }} where id is null
