-- A correction says which invoice it corrects, and it is negative.
select invoice_id, corrects_invoice_id, amount
from {{ ref('stg_invoices') }}
where invoice_kind = 'correction'
    and (corrects_invoice_id is null or amount >= 0)
