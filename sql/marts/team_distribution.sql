-- How the bookings of the 28 days that end yesterday are spread over the members of each team.
-- grain: team_id, agent_id
with booked as (
    select meetings.agent_id, count(*) as bookings
    from bookings.meetings as meetings cross join bookings_internal.int_now as now
    where date_diff('day', meetings.booked_on, now.today_on) between 1 and 28
    group by meetings.agent_id
),

moves as (
    select events.from_value, events.to_value
    from bookings.meeting_events as events cross join bookings_internal.int_now as now
    where
        events.event_type = 'reassigned'
        and cast(events.occurred_at at time zone now.time_zone as date)
        between now.today_on - 28 and now.today_on - 1
)

select
    members.team_id, -- the team
    members.team_name, -- the team's name
    members.agent_id, -- a Drift user who belongs to it now
    agents.agent_name, -- the agent's name; null while unknown
    coalesce(booked.bookings, 0) as bookings_last_28_days, -- the agent's, booked in these days
    coalesce(booked.bookings, 0) / sum(booked.bookings) over in_team
        as bookings_share, -- of those of all members; null where the team has none
    1.0 / count(*) over in_team as equal_share, -- 1 / members
    coalesce(booked.bookings, 0) / sum(booked.bookings) over in_team - 1.0 / count(*) over in_team
        as deviation, -- bookings_share - equal_share, -1 to 1
    (select count(*) from moves where moves.to_value = cast(members.agent_id as varchar))
        as reassigned_to, -- meetings that became the agent's in these days
    (select count(*) from moves where moves.from_value = cast(members.agent_id as varchar))
        as reassigned_away -- meetings that ceased to be the agent's in these days
from bookings_internal.int_team_agents as members
left join bookings.agents as agents on members.agent_id = agents.agent_id
left join booked on members.agent_id = booked.agent_id
window in_team as (partition by members.team_id)
