-- The pairs of agent_conflicts from now to the end of next week, with the times of both meetings.
-- grain: meeting_id, other_meeting_id
select
    conflicts.meeting_id, -- the one that starts later
    conflicts.other_meeting_id, -- the other one
    agents.agent_name, -- what the report calls the agent
    conflicts.slot_start_at, -- when the later one starts (UTC)
    later.slot_end_at, -- when it ends (UTC)
    other.slot_start_at as other_start_at, -- when the other one starts (UTC)
    other.slot_end_at as other_end_at, -- when that ends (UTC)
    conflicts.overlap_minutes, -- how long both are on
    date_diff('day', span.today_on, conflicts.meeting_on)
        as days_ahead -- of the later one's start: 0 = today, 1 = tomorrow
from bookings.agent_conflicts as conflicts
cross join bookings_internal.report_span as span
inner join bookings.meetings as later on conflicts.meeting_id = later.meeting_id
inner join bookings.meetings as other on conflicts.other_meeting_id = other.meeting_id
inner join bookings_internal.report_agents as agents
    on cast(conflicts.agent_id as varchar) = agents.agent_key
where conflicts.meeting_on <= span.this_week_on + 13
