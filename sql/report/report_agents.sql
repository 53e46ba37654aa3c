-- What the report calls each agent.
-- grain: agent_key
with named as (
    select
        cast(agent_id as varchar) as agent_key,
        coalesce(agent_name, 'Agent ' || cast(agent_id as varchar)) as agent_name
    from bookings.agents
    union all
    select 'UNKNOWN' as agent_key, 'Unassigned' as agent_name
),

counted as (
    select *, count(*) over (partition by agent_name) as namesakes from named
)

select
    agent_key, -- the agent's id as text; UNKNOWN for nobody
    case when namesakes > 1 then agent_name || ' (' || agent_key || ')' else agent_name end
        as agent_name -- the agent's name, or the id; with both for namesakes; Unassigned for nobody
from counted
