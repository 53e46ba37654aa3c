-- Every agent that a version of a meeting names, and what is known of each. The one place where
-- agents get names: no users are loaded yet, so the id is all there is.
-- grain: one row per agent
-- columns:
--   agent_id: the Drift user who takes the meetings
--   agent_name: the agent's name; null while unknown
--   agent_email: the agent's e-mail address; null while unknown
--   team_name: the agent's team; null while unknown
--   is_current: whether the agent still is a Drift user; null while unknown
select distinct
    agent_id,
    cast(null as varchar) as agent_name,
    cast(null as varchar) as agent_email,
    cast(null as varchar) as team_name,
    cast(null as boolean) as is_current
from drift.meeting_versions
where agent_id is not null
