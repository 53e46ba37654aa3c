-- How many people booked in each group, and how many of them came back.
-- grain: one row per dimension and group_key
-- columns:
--   dimension: agent, source, meeting_type, playbook or team
--   group_key: the id as text, the source or the type; UNKNOWN where absent
--   visitors: distinct scheduler_id; meetings without one are left out
--   repeat_visitors: of these, with two bookings or more in the group
with visitors as (
    select
        dimension,
        group_key,
        scheduler_id,
        count(*) as bookings
    from bookings.stg_group_members
    group by dimension, group_key, scheduler_id
),

team_visitors as (
    select
        'team' as dimension,
        teams.team_key as group_key,
        visitors.scheduler_id,
        sum(visitors.bookings) as bookings
    from visitors
    inner join bookings.stg_team_agents as teams on visitors.group_key = teams.agent_key
    where visitors.dimension = 'agent'
    group by teams.team_key, visitors.scheduler_id
),

every_visitor as (
    select
        dimension,
        group_key,
        scheduler_id,
        bookings
    from visitors
    union all
    select
        dimension,
        group_key,
        scheduler_id,
        bookings
    from team_visitors
)

select
    dimension,
    group_key,
    count(scheduler_id) as visitors,
    count(case when scheduler_id is not null and bookings > 1 then 1 end) as repeat_visitors
from every_visitor
group by dimension, group_key
