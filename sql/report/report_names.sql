-- The agents, sources and types that have bookings, in the order in which the report names them.
-- grain: dimension, group_key
select
    metrics.dimension, -- agent, source or meeting_type
    metrics.group_key, -- the agent's id as text, the source or the type; UNKNOWN where absent
    coalesce(agents.agent_name, metrics.group_name) as display_name, -- what the report calls it
    row_number() over (
        partition by metrics.dimension
        order by
            case when agents.agent_key = 'UNKNOWN' then 0 else 1 end asc,
            metrics.bookings desc, metrics.group_key asc
    ) as name_rank -- most bookings first, from 1; Unassigned before all agents
from bookings.booking_metrics as metrics
left join bookings_internal.report_agents as agents
    on metrics.dimension = 'agent' and metrics.group_key = agents.agent_key
where metrics.dimension in ('agent', 'source', 'meeting_type')
