-- Euros invoiced to a carrier in a month, corrections taken off.
select
    lines.carrier_code,
    carriers.carrier_name,
    cast(date_trunc('month', lines.issued_at) as date) as revenue_month,
    lines.revenue_group,
    count(*) filter (where lines.invoice_kind = 'invoice') as invoices,
    round(sum(case when lines.invoice_kind = 'invoice' then lines.amount_eur else 0 end), 2)
        as gross_eur,
    round(sum(case when lines.invoice_kind = 'correction' then lines.amount_eur else 0 end), 2)
        as corrections_eur,
    round(sum(lines.amount_eur), 2) as net_eur
from {{ ref('int_invoice_lines') }} as lines
left join {{ ref('stg_carriers') }} as carriers
    on lines.carrier_code = carriers.carrier_code
group by
    lines.carrier_code,
    carriers.carrier_name,
    cast(date_trunc('month', lines.issued_at) as date),
    lines.revenue_group
