-- Every agent that a version of a meeting names, and every user of Drift's, with what is known of
-- each. The one place where agents get names.
-- grain: one row per agent
-- columns:
--   agent_id: the Drift user who takes the meetings
--   agent_name: the agent's name; null while unknown
--   agent_email: the agent's e-mail address, or its hash; null while unknown
--   team_name: the agent's team, the first by name of several; null where there is none
--   is_current: whether the agent still is a Drift user; null while unknown
--   is_known: whether Drift has said who it is
with named as (
    select agent_id
    from drift.meeting_versions
    where agent_id is not null
    union
    select id as agent_id
    from drift.users
),

teams as (
    select
        agent_id,
        min(team_name) as team_name
    from bookings.stg_team_agents
    group by agent_id
)

select
    named.agent_id,
    drift_users.name as agent_name,
    drift_users.email as agent_email,
    teams.team_name,
    drift_users.is_current,
    coalesce(not drift_users.is_gone, false) as is_known
from named
left join drift.users as drift_users on named.agent_id = drift_users.id
left join teams on named.agent_id = teams.agent_id
