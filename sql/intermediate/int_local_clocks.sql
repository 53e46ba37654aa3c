-- Visitors' clocks by the quarter hour: they are set at quarter hours alone, and asked one by one
-- for every meeting, DuckDB takes seconds.
-- grain: time_zone, quarter_number
with quarters as (
    select known_time_zone, quarter_number, min(slot_start_at) as start_at
    from bookings_internal.stg_meeting_versions
    where known_time_zone is not null and slot_start_at is not null
    group by known_time_zone, quarter_number
)

select
    known_time_zone as time_zone, -- the visitor's time zone
    quarter_number, -- quarter hours since 1970
    cast(start_at at time zone 'UTC' as timestamp) as utc_clock, -- its first start by UTC
    cast(start_at at time zone known_time_zone as timestamp) as local_clock -- the same by the zone
from quarters
