-- Carriers: the list on day 0, one that is renamed on day 10 and one that joins on day 15.
with shared,

versions as (
    select carrier_code, carrier_name, home_currency, 0 as day_no
    from carrier_list
    where carrier_no < 12
    union all
    select carrier_code, 'Bayline Container Group', home_currency, 10
    from carrier_list
    where carrier_no = 1
    union all
    select carrier_code, carrier_name, home_currency, 15
    from carrier_list
    where carrier_no = 12
)

select
    carrier_code,
    carrier_name,
    home_currency,
    $first_day::timestamp + to_days(day_no) as updated_at,
    $first_day::timestamp + to_days(day_no) + to_hours(1) as received_at
from versions
where day_no >= $from_day and day_no < $to_day
