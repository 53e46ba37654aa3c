-- Who belongs to which team, and who once did.
-- grain: team_id, user_id
select
    team_id, -- the team
    user_id, -- the Drift user
    is_current -- whether the user belongs to it now
from drift.team_members
