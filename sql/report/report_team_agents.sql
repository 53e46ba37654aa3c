-- Which agents' meetings count in which team.
-- grain: team_key, agent_key
select
    coalesce(cast(members.team_id as varchar), 'UNKNOWN')
        as team_key, -- the team's id as text; UNKNOWN for none
    agents.agent_key -- an agent who belongs to it now, or to none
from bookings_internal.report_agents as agents
left join bookings_internal.int_team_agents as members
    on agents.agent_key = cast(members.agent_id as varchar)
