-- What "now" and "day" mean: the start of the newest sync, never the clock, and bookings.time_zone.
-- grain: one row
with facts as (
    select
        max(case when sync_age = 1 then sync_id end) as sync_id,
        max(case when sync_age = 1 then started_at end) as now_at,
        max(case when sync_age = 1 then window_from end) as window_from,
        max(case when sync_age = 1 then absent_from end) as absent_from,
        max(case when sync_age = 1 then window_to end) as window_to,
        max(case when previous_started_at is null then window_from end) as first_window_from,
        max(case when previous_started_at is null then started_at end) as first_started_at
    from bookings_internal.stg_syncs
)

select
    facts.sync_id, -- the newest sync; null before the first
    facts.now_at, -- when it started (UTC)
    facts.window_from, -- the earliest meeting start that it read (UTC)
    facts.absent_from, -- the earliest start of a meeting that it can miss (UTC)
    facts.window_to, -- the latest meeting start that it read (UTC)
    settings.time_zone, -- the zone in which days are counted (bookings.time_zone)
    cast(facts.now_at at time zone settings.time_zone as date) as today_on, -- the day of now_at
    cast(facts.first_window_from at time zone settings.time_zone as date) + 1
        as complete_from_on, -- the first whole day in sight of the first sync
    facts.first_started_at as observed_from_at -- when the first sync started (UTC)
from facts
cross join bookings_internal.settings
