-- The teams of the Drift organisation, past ones included.
-- grain: team_id
select
    id as team_id, -- the team
    name as team_name, -- the team's name
    is_current -- whether Drift still lists the team
from drift.teams
