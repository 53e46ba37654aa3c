-- The meetings that are still to start.
-- grain: meeting_id
select
    meetings.meeting_id, -- the meeting
    agents.agent_key, -- the agent's id as text; UNKNOWN for nobody
    meetings.meeting_source, -- where it was booked
    meetings.meeting_type, -- the kind of meeting
    agents.agent_name, -- what the report calls the agent
    meetings.slot_start_at, -- when it starts (UTC); null while that is not known
    meetings.booked_at -- when it was booked (UTC)
from bookings.meetings as meetings
inner join bookings_internal.report_agents as agents
    on coalesce(cast(meetings.agent_id as varchar), 'UNKNOWN') = agents.agent_key
where meetings.meeting_state = 'upcoming'
