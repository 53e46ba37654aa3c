-- The booking metrics of each agent.
-- grain: agent_id or null
select
    agents.agent_id, -- the Drift user who takes the meetings; null where nobody is assigned
    case when metrics.group_key = 'UNKNOWN' then 'Unassigned' else agents.agent_name end
        as agent_name, -- the agent's name; null while unknown; Unassigned where agent_id is null
    agents.agent_email, -- the agent's e-mail address, or its hash; null while unknown
    agents.team_name, -- the agent's team, the first by name of several; null where there is none
    metrics.* exclude (dimension, group_key, group_name)
from bookings.booking_metrics as metrics
left join bookings.agents as agents
    on cast(nullif(metrics.group_key, 'UNKNOWN') as bigint) = agents.agent_id
where metrics.dimension = 'agent'
