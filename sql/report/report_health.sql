-- How new the report's numbers are, what they hold, and since when every booking is known.
-- grain: one row
select
    health.newest_sync_at as as_of_at, -- start of the newest sync (UTC); null before the first
    health.time_zone, -- the zone in which days are counted
    health.meetings, -- meetings known
    health.rejected, -- records of Drift that could not be read as meetings, in all syncs
    health.complete_from_on, -- the first day from which on every booking is known, but for gaps
    health.agent_known_share, -- meetings whose agent Drift has named / meetings
    health.visitor_known_share, -- meetings whose visitor has been read / meetings
    health.hours_since_previous_sync is not null as has_previous_sync, -- it is not the first sync
    date_diff('day', health.complete_from_on, span.today_on)
        as complete_days_ago, -- days since complete_from_on; null before the first sync
    health.observed_from_at, -- start of the first sync (UTC): moves before it are not known
    date_diff('day', cast(health.observed_from_at at time zone health.time_zone as date),
        span.today_on) as observed_days_ago, -- days since that day; null before the first sync
    span.today_on, -- the newest day in the report
    span.this_week_on, -- its Monday
    span.first_on, -- the oldest day in the report; null without a booking
    span.oldest_on < span.first_on as leaves_out -- there are bookings from before that day
from bookings.data_health as health
cross join bookings_internal.report_span as span
