-- How long before its start a meeting is booked, in each group.
-- grain: one row per dimension and group_key with a lead time
-- columns:
--   dimension: agent, source, meeting_type, playbook or team
--   group_key: the id as text, the source or the type; UNKNOWN where absent
--   median_lead_time_hours: median hours from booking to start, interpolated
--   p90_lead_time_hours: 90th percentile of the same, interpolated
-- A percentile p lies at place p * (n - 1) among n lead times, counted from 0. The two beside that
-- place weigh by their nearness to it; in tenths, so that places and weights are whole numbers.
with members as (
    select
        dimension,
        group_key,
        lead_time_hours
    from bookings.stg_group_members
    where lead_time_hours is not null
    union all
    select
        'team' as dimension,
        teams.team_key as group_key,
        members.lead_time_hours
    from bookings.stg_group_members as members
    inner join bookings.stg_team_agents as teams on members.group_key = teams.agent_key
    where members.dimension = 'agent' and members.lead_time_hours is not null
),

places as (
    select
        dimension,
        group_key,
        lead_time_hours,
        row_number() over (partition by dimension, group_key order by lead_time_hours) - 1 as place,
        count(*) over (partition by dimension, group_key) - 1 as last_place
    from members
),

weights as (
    select
        dimension,
        group_key,
        lead_time_hours,
        10 - abs(10 * place - 5 * last_place) as median_weight,
        10 - abs(10 * place - 9 * last_place) as p90_weight
    from places
)

select
    dimension,
    group_key,
    sum(case when median_weight > 0 then lead_time_hours * median_weight end) / 10.0
        as median_lead_time_hours,
    sum(case when p90_weight > 0 then lead_time_hours * p90_weight end) / 10.0
        as p90_lead_time_hours
from weights
group by dimension, group_key
