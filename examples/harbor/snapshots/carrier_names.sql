{% snapshot carrier_names %}
{#- What a carrier was called when: stg_carriers only keeps the newest name. Unlike every other
    table here it cannot be rebuilt; it remembers what it saw at each build. -#}
{{ config(
    schema='snapshots',
    unique_key='carrier_code',
    strategy='timestamp',
    updated_at='updated_at'
) }}

select
    carrier_code,
    carrier_name,
    home_currency,
    updated_at
from {{ ref('stg_carriers') }}
{% endsnapshot %}
