-- The counts behind stg_booking_groups. Those of teams are added up from agents, those of meetings
-- without a known playbook from sources: a meeting stands in stg_group_members no more often.
-- grain: one row per dimension and group_key
-- columns:
--   dimension: agent, source, meeting_type, playbook or team
--   group_key: the id as text, the source or the type; UNKNOWN where absent
--   bookings: meetings booked, in every state
--   canceled_meetings: of these, cancelled
--   delisted_meetings: of these, gone from Drift without being cancelled
--   upcoming_meetings: of these, still to start
--   in_progress_meetings: of these, started and not ended
--   elapsed_meetings: of these, whose time has passed, not cancelled
--   rescheduled_meetings: of these, whose start ever moved
--   self_booked_meetings: of these, booked by the visitor alone
--   bookings_last_28_days: booked_on in the 28 days up to today, today included
--   bookings_prior_28_days: booked_on in the 28 days before those
--   booked_hours: hours of meetings neither cancelled nor delisted
--   first_booked_at: first booking (UTC)
--   last_booked_at: last booking (UTC)
with counts as (
    select
        dimension,
        group_key,
        has_playbook,
        count(*) as bookings,
        count(case when meeting_state = 'canceled' then 1 end) as canceled_meetings,
        count(case when meeting_state = 'delisted' then 1 end) as delisted_meetings,
        count(case when meeting_state = 'upcoming' then 1 end) as upcoming_meetings,
        count(case when meeting_state = 'in_progress' then 1 end) as in_progress_meetings,
        count(case when meeting_state = 'elapsed' then 1 end) as elapsed_meetings,
        count(case when is_rescheduled then 1 end) as rescheduled_meetings,
        count(case when is_self_booked then 1 end) as self_booked_meetings,
        count(case when booked_days_ago between 0 and 27 then 1 end) as bookings_last_28_days,
        count(case when booked_days_ago between 28 and 55 then 1 end) as bookings_prior_28_days,
        sum(booked_microseconds) as booked_microseconds,
        min(booked_at) as first_booked_at,
        max(booked_at) as last_booked_at
    from bookings.stg_group_members
    group by dimension, group_key, has_playbook
),

-- the groups that each of these belongs to
targets as (
    select
        dimension as from_dimension,
        group_key as from_key,
        has_playbook,
        dimension,
        group_key
    from counts
    union all
    select
        counts.dimension as from_dimension,
        counts.group_key as from_key,
        counts.has_playbook,
        'team' as dimension,
        coalesce(teams.team_key, 'UNKNOWN') as group_key
    from counts
    left join bookings.stg_team_agents as teams on counts.group_key = teams.agent_key
    where counts.dimension = 'agent'
    union all
    select
        dimension as from_dimension,
        group_key as from_key,
        has_playbook,
        'playbook' as dimension,
        'UNKNOWN' as group_key
    from counts
    where dimension = 'source' and not has_playbook
)

select
    targets.dimension,
    targets.group_key,
    cast(sum(counts.bookings) as bigint) as bookings,
    cast(sum(counts.canceled_meetings) as bigint) as canceled_meetings,
    cast(sum(counts.delisted_meetings) as bigint) as delisted_meetings,
    cast(sum(counts.upcoming_meetings) as bigint) as upcoming_meetings,
    cast(sum(counts.in_progress_meetings) as bigint) as in_progress_meetings,
    cast(sum(counts.elapsed_meetings) as bigint) as elapsed_meetings,
    cast(sum(counts.rescheduled_meetings) as bigint) as rescheduled_meetings,
    cast(sum(counts.self_booked_meetings) as bigint) as self_booked_meetings,
    cast(sum(counts.bookings_last_28_days) as bigint) as bookings_last_28_days,
    cast(sum(counts.bookings_prior_28_days) as bigint) as bookings_prior_28_days,
    coalesce(cast(sum(counts.booked_microseconds) as double), 0.0) / 3600000000.0 as booked_hours,
    min(counts.first_booked_at) as first_booked_at,
    max(counts.last_booked_at) as last_booked_at
from targets
inner join counts
    on
        targets.from_dimension = counts.dimension
        and targets.from_key = counts.group_key
        and targets.has_playbook = counts.has_playbook
group by targets.dimension, targets.group_key
