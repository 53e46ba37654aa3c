-- Who meets outside office hours? Before 8, from 18 on or at weekends, on the agent's own clock.
select agent_id, agent_name, count(*) filter (
        where hour(agent_local_start_at) not between 8 and 17 or isodow(agent_local_start_at) > 5
    ) as outside_meetings, count(*) as meetings
from bookings.meetings where not is_lost and agent_local_start_at is not null
group by agent_id, agent_name
order by outside_meetings desc, agent_id asc
limit 20
