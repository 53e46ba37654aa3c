-- How many people booked in each group, and how many of them came back.
-- grain: one row per dimension and group_key
-- columns:
--   dimension: agent, source, meeting_type, playbook or team
--   group_key: the id as text, the source or the type; UNKNOWN where absent
--   visitors: distinct scheduler_id; meetings without one are left out
--   repeat_visitors: of these, with two bookings or more in the group
with visitors as (
    select
        'agent' as dimension,
        coalesce(cast(meetings.agent_id as varchar), 'UNKNOWN') as group_key,
        meetings.scheduler_id,
        count(*) as bookings
    from bookings.meetings as meetings
    group by group_key, meetings.scheduler_id
    union all
    select
        'source' as dimension,
        coalesce(meetings.meeting_source, 'UNKNOWN') as group_key,
        meetings.scheduler_id,
        count(*) as bookings
    from bookings.meetings as meetings
    group by group_key, meetings.scheduler_id
    union all
    select
        'meeting_type' as dimension,
        coalesce(meetings.meeting_type, 'UNKNOWN') as group_key,
        meetings.scheduler_id,
        count(*) as bookings
    from bookings.meetings as meetings
    group by group_key, meetings.scheduler_id
    union all
    select
        'playbook' as dimension,
        meetings.playbook_id as group_key,
        meetings.scheduler_id,
        count(*) as bookings
    from bookings.meetings as meetings
    where meetings.playbook_id is not null
    group by group_key, meetings.scheduler_id
    union all
    select
        'team' as dimension,
        teams.team_key as group_key,
        meetings.scheduler_id,
        count(*) as bookings
    from bookings.meetings as meetings
    inner join bookings.stg_team_agents as teams on meetings.agent_id = teams.agent_id
    group by group_key, meetings.scheduler_id
)

select
    dimension,
    group_key,
    count(scheduler_id) as visitors,
    count(case when scheduler_id is not null and bookings > 1 then 1 end) as repeat_visitors
from visitors
group by dimension, group_key
