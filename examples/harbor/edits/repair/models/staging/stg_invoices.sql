-- Invoices and corrections, each once, amounts as numbers, times in UTC.
{{ config(materialized='table') }}

select
    invoice_id,
    corrects_invoice_id,
    call_id,
    carrier_code,
    port_code,
    tariff_code,
    invoice_kind,
    {{ local_to_utc('issued_local', 'time_zone') }} as issued_at,
    currency,
    {{ amount_from_text('amount') }} as amount,
    received_at
from {{ source('raw', 'invoices') }}
qualify row_number() over (partition by invoice_id order by updated_at desc, received_at) = 1
