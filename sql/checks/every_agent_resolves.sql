-- Every agent who has a meeting has a row in agents.
select distinct meetings.agent_id
from bookings.meetings as meetings
left join bookings.agents as agents on meetings.agent_id = agents.agent_id
where meetings.agent_id is not null and agents.agent_id is null
