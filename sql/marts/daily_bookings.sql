-- Counts that add up over any days, agents, sources and types. A meeting counts when it was booked.
-- grain: booked_on, agent_id or null, meeting_source, meeting_type
-- looked up by: booked_on
select
    booked_on, -- the day on which the meetings were booked, in bookings.time_zone
    agent_id, -- the agent; null where nobody is assigned
    meeting_source, -- where they were booked; UNKNOWN where absent
    meeting_type, -- the kind of meeting; UNKNOWN where absent
    count(*) as bookings, -- meetings booked, in every state
    count(*) filter (where meeting_state = 'canceled') as canceled_meetings, -- of these, canceled
    count(*) filter (where meeting_state = 'delisted')
        as delisted_meetings, -- gone from Drift without being canceled
    count(*) filter (where meeting_state = 'upcoming') as upcoming_meetings, -- still to start
    count(*) filter (where meeting_state = 'in_progress')
        as in_progress_meetings, -- started and not ended
    count(*) filter (where meeting_state = 'elapsed')
        as elapsed_meetings, -- whose time has passed, not canceled
    count(*) filter (where is_rescheduled) as rescheduled_meetings, -- whose start ever moved
    count(*) filter (where is_self_booked) as self_booked_meetings, -- booked by the visitor alone
    count(*) filter (where is_due) as due_meetings, -- whose start has passed, canceled or not
    count(*) filter (where is_due and is_canceled) as due_canceled_meetings, -- due and canceled
    coalesce(cast(sum(cast(duration_minutes * 60000 as bigint)) as double), 0) / 60000
        as duration_minutes, -- sum of their durations, in every state
    coalesce(cast(sum(date_sub('microsecond', booked_at, slot_start_at)) as double), 0)
    / 3600000000 as lead_time_hours -- sum of their times from booking to start
from bookings.meetings
group by booked_on, agent_id, meeting_source, meeting_type
