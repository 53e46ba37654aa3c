-- Who is double-booked? From today on.
select ahead.meeting_on, ahead.agent_id, agents.agent_name, ahead.overlapping_meetings
from bookings.agent_days as ahead
inner join bookings.agents as agents on ahead.agent_id = agents.agent_id
cross join bookings.data_health as health
where ahead.overlapping_meetings > 0 and ahead.meeting_on >= health.today_on
order by ahead.meeting_on asc, ahead.agent_id asc
limit 50
