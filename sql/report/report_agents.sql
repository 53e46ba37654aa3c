-- What the report calls each agent.
-- grain: agent_key
select
    cast(agent_id as varchar) as agent_key, -- the agent's id as text; UNKNOWN for nobody
    coalesce(agent_name, 'Agent ' || cast(agent_id as varchar))
        as agent_name -- the agent's name, or the id; Unassigned for nobody
from bookings.agents
union all
select
    'UNKNOWN' as agent_key,
    'Unassigned' as agent_name
