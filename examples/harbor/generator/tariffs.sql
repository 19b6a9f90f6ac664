-- Price list. Prices are text with a decimal comma, as they were typed; new prices from day 20.
with shared,

codes (tariff_code, tariff_no, base_price) as (
    values ('BERTH', 0, 1450.00), ('HANDLING', 1, 118.50), ('PILOT', 2, 2310.00),
        ('STORAGE', 3, 36.75), ('REEFER', 4, 64.20)
),

price_lists as (
    select
        codes.tariff_code,
        ports.port_code,
        list.range as list_no,
        codes.base_price * (0.85 + 0.01 * (hash($seed, tariff_no, port_no, 'tariff') % 30)::integer)
            * (1 + 0.04 * list.range) as price
    from codes, ports, range(2) as list
)

select
    tariff_code,
    port_code,
    'EUR' as currency,
    replace(printf('%.2f', price), '.', ',') as price,
    case when list_no = 0 then $first_day::date - 90 else $first_day::date + 20 end as valid_from,
    $first_day::timestamp + to_days((20 * list_no)::integer) + to_hours(6) as received_at
from price_lists
where 20 * list_no >= $from_day and 20 * list_no < $to_day
