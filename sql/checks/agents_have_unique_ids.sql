-- An agent is one row of agents: two would count each of the agent's meetings twice.
select
    agent_id,
    count(*) as copies
from bookings.agents
group by agent_id
having count(*) > 1 or agent_id is null
