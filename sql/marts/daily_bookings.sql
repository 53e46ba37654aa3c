-- Counts that add up over any days, agents, sources and types: the table behind a dashboard.
-- Every meeting is counted once, on the day on which it was booked.
-- grain: one row per booked_on, agent_id, meeting_source and meeting_type
-- looked up by: booked_on
-- columns:
--   booked_on: the day on which the meetings were booked, in bookings.time_zone
--   agent_id: the agent; null where nobody is assigned
--   meeting_source: where they were booked; UNKNOWN where absent
--   meeting_type: kind of meeting; UNKNOWN where absent
--   bookings: meetings booked, in every state
--   canceled_meetings: of these, cancelled
--   delisted_meetings: of these, gone from Drift without being cancelled
--   rescheduled_meetings: of these, whose start ever moved
--   upcoming_meetings: of these, still to start
--   in_progress_meetings: of these, started and not ended
--   elapsed_meetings: of these, whose time has passed, not cancelled
--   self_booked_meetings: of these, booked by the visitor alone
--   duration_minutes: sum of their durations, in minutes, in every state
--   lead_time_hours: sum of their hours from booking to start
select
    booked_on,
    agent_id,
    meeting_source,
    meeting_type,
    cast(sum(bookings) as bigint) as bookings,
    cast(sum(canceled_meetings) as bigint) as canceled_meetings,
    cast(sum(delisted_meetings) as bigint) as delisted_meetings,
    cast(sum(rescheduled_meetings) as bigint) as rescheduled_meetings,
    cast(sum(upcoming_meetings) as bigint) as upcoming_meetings,
    cast(sum(in_progress_meetings) as bigint) as in_progress_meetings,
    cast(sum(elapsed_meetings) as bigint) as elapsed_meetings,
    cast(sum(self_booked_meetings) as bigint) as self_booked_meetings,
    coalesce(cast(sum(duration_microseconds) as double), 0.0) / 60000000.0 as duration_minutes,
    coalesce(cast(sum(lead_time_microseconds) as double), 0.0) / 3600000000.0 as lead_time_hours
from bookings.stg_daily_counts
group by booked_on, agent_id, meeting_source, meeting_type
