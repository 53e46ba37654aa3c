-- How long before its start a meeting is booked, in each group.
-- grain: one row per dimension and group_key with a lead time
-- columns:
--   dimension: agent, source, meeting_type, playbook or team
--   group_key: the id as text, the source or the type; UNKNOWN where absent
--   median_lead_time_hours: median hours from booking to start, interpolated
--   p90_lead_time_hours: 90th percentile of the same, interpolated
-- A percentile p lies at place p * (n - 1) among n lead times, counted from 0. The two beside that
-- place weigh by their nearness to it; in tenths, so that places and weights are whole numbers.
-- Lead times are counted by the hour first, and put in order only in the hours with such a place.
with members as (
    select
        'agent' as dimension,
        coalesce(cast(meetings.agent_id as varchar), 'UNKNOWN') as group_key,
        meetings.lead_time_hours,
        cast(floor(meetings.lead_time_hours) as bigint) as whole_hours
    from bookings.meetings as meetings
    where meetings.lead_time_hours is not null
    union all
    select
        'source' as dimension,
        coalesce(meetings.meeting_source, 'UNKNOWN') as group_key,
        meetings.lead_time_hours,
        cast(floor(meetings.lead_time_hours) as bigint) as whole_hours
    from bookings.meetings as meetings
    where meetings.lead_time_hours is not null
    union all
    select
        'meeting_type' as dimension,
        coalesce(meetings.meeting_type, 'UNKNOWN') as group_key,
        meetings.lead_time_hours,
        cast(floor(meetings.lead_time_hours) as bigint) as whole_hours
    from bookings.meetings as meetings
    where meetings.lead_time_hours is not null
    union all
    select
        'playbook' as dimension,
        meetings.playbook_id as group_key,
        meetings.lead_time_hours,
        cast(floor(meetings.lead_time_hours) as bigint) as whole_hours
    from bookings.meetings as meetings
    where meetings.lead_time_hours is not null and meetings.playbook_id is not null
    union all
    select
        'team' as dimension,
        teams.team_key as group_key,
        meetings.lead_time_hours,
        cast(floor(meetings.lead_time_hours) as bigint) as whole_hours
    from bookings.meetings as meetings
    inner join bookings.stg_team_agents as teams on meetings.agent_id = teams.agent_id
    where meetings.lead_time_hours is not null
),

hours as (
    select
        dimension,
        group_key,
        whole_hours,
        count(*) as lead_times
    from members
    group by dimension, group_key, whole_hours
),

places as (
    select
        dimension,
        group_key,
        whole_hours,
        lead_times,
        cast(
            sum(lead_times) over (partition by dimension, group_key order by whole_hours) as bigint
        ) - lead_times as first_place,
        cast(sum(lead_times) over (partition by dimension, group_key) as bigint) - 1 as last_place
    from hours
),

wanted as (
    select
        dimension,
        group_key,
        whole_hours,
        first_place,
        last_place
    from places
    where
        5 * last_place between 10 * first_place - 9 and 10 * (first_place + lead_times) - 1
        or 9 * last_place between 10 * first_place - 9 and 10 * (first_place + lead_times) - 1
),

ordered as (
    select
        members.dimension,
        members.group_key,
        members.lead_time_hours,
        wanted.last_place,
        wanted.first_place - 1 + row_number() over (
            partition by members.dimension, members.group_key, members.whole_hours
            order by members.lead_time_hours
        ) as place
    from members
    inner join wanted
        on
            members.dimension = wanted.dimension
            and members.group_key = wanted.group_key
            and members.whole_hours = wanted.whole_hours
),

weights as (
    select
        dimension,
        group_key,
        lead_time_hours,
        10 - abs(10 * place - 5 * last_place) as median_weight,
        10 - abs(10 * place - 9 * last_place) as p90_weight
    from ordered
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
