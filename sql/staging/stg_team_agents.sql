-- Who belongs to which team now, as Drift lists them.
-- grain: one row per team and agent
-- columns:
--   team_id: the team
--   team_name: the team's name
--   agent_id: the Drift user who belongs to it
--   team_key: team_id as text
--   agent_key: agent_id as text
select
    teams.id as team_id,
    teams.name as team_name,
    members.user_id as agent_id,
    cast(teams.id as varchar) as team_key,
    cast(members.user_id as varchar) as agent_key
from drift.team_members as members
inner join drift.teams as teams on members.team_id = teams.id
where members.is_current and teams.is_current
