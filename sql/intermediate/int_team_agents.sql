-- Who belongs to which team now.
-- grain: team_id, agent_id
select
    teams.team_id, -- the team
    teams.team_name, -- the team's name
    members.user_id as agent_id -- the Drift user who belongs to it
from bookings_internal.stg_team_members as members
inner join bookings_internal.stg_teams as teams on members.team_id = teams.team_id
where members.is_current and teams.is_current
