-- How even the bookings of the 28 days that end yesterday are inside each team, with names.
-- grain: team_key, agent_key
select
    cast(members.team_id as varchar) as team_key, -- the team's id as text
    coalesce(teams.display_name, members.team_name, cast(members.team_id as varchar))
        as team_name, -- what the report calls the team
    agents.agent_key, -- the agent's id as text
    agents.agent_name, -- what the report calls the agent
    members.bookings_last_28_days, -- the agent's, booked in these days
    members.bookings_share, -- of those of all members; null where the team has none
    members.equal_share, -- 1 / members
    members.deviation, -- bookings_share - equal_share
    members.deviation / members.equal_share
        as distance, -- the same as a part of the equal share: -1 = none, 1 = twice as many
    members.reassigned_to, -- meetings that became the agent's in these days
    members.reassigned_away -- meetings that ceased to be the agent's in these days
from bookings.team_distribution as members
inner join bookings_internal.report_agents as agents
    on cast(members.agent_id as varchar) = agents.agent_key
left join bookings_internal.report_names as teams
    on teams.dimension = 'team' and cast(members.team_id as varchar) = teams.group_key
