-- Port calls with the vessel as it was when it came: flag, carrier and owner of that day.
select
    calls.call_id,
    calls.imo,
    vessels.vessel_version_key,
    vessels.vessel_name,
    vessels.flag,
    vessels.carrier_code,
    vessels.teu_capacity,
    calls.port_code,
    calls.time_zone,
    calls.berth_no,
    calls.call_status,
    calls.is_cancelled,
    calls.eta_at,
    calls.arrived_at,
    calls.departed_at,
    calls.arrived_local,
    date_diff('minute', calls.eta_at, calls.arrived_at) as minutes_behind_eta,
    round(date_diff('minute', calls.arrived_at, calls.departed_at) / 60.0, 2) as stay_hours
from {{ ref('stg_port_calls') }} as calls
left join {{ ref('dim_vessel_history') }} as vessels
    on calls.imo = vessels.imo
    and coalesce(calls.arrived_at, calls.eta_at) >= vessels.valid_from
    and (
        coalesce(calls.arrived_at, calls.eta_at) < vessels.valid_to
        or vessels.valid_to is null
    )
