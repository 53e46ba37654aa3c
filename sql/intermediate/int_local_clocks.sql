-- The clocks of visitors and agents by the quarter hour: they are set at quarter hours alone, and
-- asked one by one for every meeting, DuckDB takes seconds.
-- grain: time_zone, quarter_number
with starts as (
    select known_time_zone as time_zone, quarter_number, slot_start_at
    from bookings_internal.stg_meeting_versions
    union all
    select agents.known_time_zone as time_zone, versions.quarter_number, versions.slot_start_at
    from bookings_internal.stg_meeting_versions as versions
    inner join bookings_internal.stg_users as agents on versions.agent_id = agents.user_id
    where agents.known_time_zone is distinct from versions.known_time_zone -- else it is above
),

quarters as (
    select time_zone, quarter_number, min(slot_start_at) as start_at
    from starts
    where time_zone is not null and slot_start_at is not null
    group by time_zone, quarter_number
)

select
    time_zone, -- a visitor's or an agent's time zone
    quarter_number, -- quarter hours since 1970
    cast(start_at at time zone 'UTC' as timestamp) as utc_clock, -- its first start by UTC
    cast(start_at at time zone time_zone as timestamp) as local_clock -- the same by the zone
from quarters
