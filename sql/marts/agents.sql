-- The agents: everyone whom a version of a meeting names, and every user of Drift's, past ones
-- included.
-- grain: one row per agent
-- columns:
--   agent_id: the Drift user who takes the meetings
--   agent_name: the agent's name; null while unknown
--   agent_email: the agent's e-mail address, or its hash; null while unknown
--   team_name: the agent's team, the first by name of several; null where there is none
--   is_current: whether the agent still is a Drift user; null while unknown
--   bookings: meetings that are now the agent's, in every state
--   first_booked_at: when the first of these was booked (UTC); null without any
--   last_booked_at: when the last of these was booked (UTC); null without any
select
    agents.agent_id,
    agents.agent_name,
    agents.agent_email,
    agents.team_name,
    agents.is_current,
    coalesce(booked.bookings, 0) as bookings,
    booked.first_booked_at,
    booked.last_booked_at
from bookings.stg_agents as agents
left join bookings.bookings_by_agent as booked on agents.agent_id = booked.agent_id
order by agents.agent_id
