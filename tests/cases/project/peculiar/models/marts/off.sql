{{ config(enabled=false) }} select * from {{ ref('mart') }}
