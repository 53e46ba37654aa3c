-- Where two meetings of an agent conflict, the agent's day has overlapping meetings.
select
    conflicts.meeting_id,
    conflicts.other_meeting_id,
    conflicts.agent_id,
    conflicts.meeting_on
from bookings.agent_conflicts as conflicts
left join bookings.agent_days as each_day
    on conflicts.agent_id = each_day.agent_id and conflicts.meeting_on = each_day.meeting_on
where coalesce(each_day.overlapping_meetings, 0) = 0
