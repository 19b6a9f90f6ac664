-- Hourly weather in UTC, by the station's own offset where it sent one.
{{ config(materialized='table') }}

with placed as (
    select
        port_code,
        coalesce(
            observed_local - to_minutes(utc_offset_minutes),
            {{ local_to_utc('observed_local', 'time_zone') }}
        ) as observed_at,
        cast(wind_ms as decimal(5, 1)) as wind_ms,
        cast(air_celsius as decimal(5, 1)) as air_celsius,
        visibility_m,
        utc_offset_minutes,
        received_at
    from {{ source('raw', 'weather') }}
)

select
    port_code,
    observed_at,
    wind_ms,
    air_celsius,
    visibility_m
from placed
qualify row_number() over (
    partition by port_code, observed_at order by utc_offset_minutes nulls last, received_at
) = 1
