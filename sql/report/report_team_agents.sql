-- Which agents' meetings count in which team, by the numbers of report_names.
-- grain: team_number, agent_number
select
    teams.name_number as team_number, -- the team
    agents.name_number as agent_number -- an agent who belongs to it now, or to none
from bookings_internal.report_names as agents
left join bookings_internal.int_team_agents as members
    on agents.group_key = cast(members.agent_id as varchar)
inner join bookings_internal.report_names as teams
    on
        teams.dimension = 'team'
        and coalesce(cast(members.team_id as varchar), 'UNKNOWN') = teams.group_key
where agents.dimension = 'agent'
