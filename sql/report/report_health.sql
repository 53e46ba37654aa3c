-- How new the report's numbers are, and what they can be compared with.
-- grain: one row
select
    health.newest_sync_at as as_of_at, -- start of the newest sync (UTC); null before the first
    health.time_zone, -- the zone in which days are counted
    health.meetings, -- meetings known
    health.rejected, -- records of Drift that could not be read as meetings, in all syncs
    health.complete_from_on, -- the first day from which on every booking is known, but for gaps
    health.hours_since_previous_sync is not null as has_previous_sync, -- it is not the first sync
    coalesce(periods.is_known, false)
        as can_compare_periods -- every booking of the last 56 days is known
from bookings.data_health as health
left join bookings.booking_periods as periods
    on periods.period = 'last_56_days' and periods.period_start_on = health.today_on - 55
