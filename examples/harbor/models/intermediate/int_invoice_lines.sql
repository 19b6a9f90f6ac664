-- Invoices in euros, by the rate of the day on which they were issued.
select
    invoices.invoice_id,
    invoices.corrects_invoice_id,
    invoices.call_id,
    invoices.carrier_code,
    invoices.port_code,
    invoices.tariff_code,
    codes.revenue_group,
    invoices.invoice_kind,
    invoices.issued_at,
    cast(invoices.issued_at as date) as issued_date,
    invoices.currency,
    invoices.amount,
    round(invoices.amount * rates.eur_rate, 2) as amount_eur
from {{ ref('stg_invoices') }} as invoices
left join {{ ref('int_exchange_rates_daily') }} as rates
    on invoices.currency = rates.currency
    and cast(invoices.issued_at as date) = rates.rate_date
left join {{ ref('tariff_codes') }} as codes
    on invoices.tariff_code = codes.tariff_code
