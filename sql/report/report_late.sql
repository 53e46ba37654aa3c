-- The meetings that were canceled late since the start of yesterday.
-- grain: meeting_id
select
    meetings.meeting_id, -- the meeting
    agents.agent_name, -- what the report calls the agent
    meetings.canceled_at, -- when it was canceled (UTC)
    meetings.slot_start_at, -- when it was to start (UTC)
    meetings.cancel_notice_hours -- from the cancellation to the start; negative where after it
from bookings.meetings as meetings
cross join bookings_internal.int_now as now
inner join bookings_internal.report_agents as agents
    on coalesce(cast(meetings.agent_id as varchar), 'UNKNOWN') = agents.agent_key
where
    meetings.is_late_canceled
    and cast(meetings.canceled_at at time zone now.time_zone as date) >= now.today_on - 1
