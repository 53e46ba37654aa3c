-- The agents: everyone whom a state of a meeting names, and every user of Drift, past ones too.
-- grain: agent_id
with named as (
    select agent_id from bookings_internal.int_version_changes where agent_id is not null
    union distinct
    select user_id as agent_id from bookings_internal.stg_users
),

teams as (
    select agent_id, min(team_name) as team_name
    from bookings_internal.int_team_agents group by agent_id
)

select
    named.agent_id, -- the Drift user who takes the meetings
    members.user_name as agent_name, -- the agent's name; null while unknown
    members.user_email as agent_email, -- the agent's e-mail address, or its hash; null if unknown
    teams.team_name, -- the agent's team, the first by name of several; null for none
    members.time_zone, -- the agent's time zone, as sent; null while unknown
    members.known_time_zone, -- the same, null unless every engine knows it
    members.created_at as user_created_at, -- when Drift's user was created; null while unknown
    coalesce(members.is_current, false) as is_current, -- whether Drift still lists the user
    coalesce(members.is_known, false) as is_known -- whether Drift has said who it is
from named
left join bookings_internal.stg_users as members on named.agent_id = members.user_id
left join teams on named.agent_id = teams.agent_id
