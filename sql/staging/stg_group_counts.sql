-- The counts behind stg_booking_groups.
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
with daily as (
    select
        counts.*,
        date_diff('day', counts.booked_on, now.today_on) as booked_days_ago
    from bookings.stg_daily_counts as counts
    cross join bookings.stg_now as now
),

counts as (
    select
        agent_id,
        meeting_source,
        meeting_type,
        playbook_id,
        sum(bookings) as bookings,
        sum(canceled_meetings) as canceled_meetings,
        sum(delisted_meetings) as delisted_meetings,
        sum(upcoming_meetings) as upcoming_meetings,
        sum(in_progress_meetings) as in_progress_meetings,
        sum(elapsed_meetings) as elapsed_meetings,
        sum(rescheduled_meetings) as rescheduled_meetings,
        sum(self_booked_meetings) as self_booked_meetings,
        sum(case when booked_days_ago between 0 and 27 then bookings else 0 end)
            as bookings_last_28_days,
        sum(case when booked_days_ago between 28 and 55 then bookings else 0 end)
            as bookings_prior_28_days,
        sum(booked_microseconds) as booked_microseconds,
        min(first_booked_at) as first_booked_at,
        max(last_booked_at) as last_booked_at
    from daily
    group by agent_id, meeting_source, meeting_type, playbook_id
),

members as (
    select
        'agent' as dimension,
        coalesce(cast(counts.agent_id as varchar), 'UNKNOWN') as group_key,
        counts.*
    from counts
    union all
    select
        'source' as dimension,
        counts.meeting_source as group_key,
        counts.*
    from counts
    union all
    select
        'meeting_type' as dimension,
        counts.meeting_type as group_key,
        counts.*
    from counts
    union all
    select
        'playbook' as dimension,
        coalesce(counts.playbook_id, 'UNKNOWN') as group_key,
        counts.*
    from counts
    union all
    select
        'team' as dimension,
        coalesce(teams.team_key, 'UNKNOWN') as group_key,
        counts.*
    from counts
    left join bookings.stg_team_agents as teams on counts.agent_id = teams.agent_id
)

select
    dimension,
    group_key,
    cast(sum(bookings) as bigint) as bookings,
    cast(sum(canceled_meetings) as bigint) as canceled_meetings,
    cast(sum(delisted_meetings) as bigint) as delisted_meetings,
    cast(sum(upcoming_meetings) as bigint) as upcoming_meetings,
    cast(sum(in_progress_meetings) as bigint) as in_progress_meetings,
    cast(sum(elapsed_meetings) as bigint) as elapsed_meetings,
    cast(sum(rescheduled_meetings) as bigint) as rescheduled_meetings,
    cast(sum(self_booked_meetings) as bigint) as self_booked_meetings,
    cast(sum(bookings_last_28_days) as bigint) as bookings_last_28_days,
    cast(sum(bookings_prior_28_days) as bigint) as bookings_prior_28_days,
    coalesce(cast(sum(booked_microseconds) as double), 0.0) / 3600000000.0 as booked_hours,
    min(first_booked_at) as first_booked_at,
    max(last_booked_at) as last_booked_at
from members
group by dimension, group_key
