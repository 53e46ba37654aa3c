-- The numbers behind bookings_by_agent, bookings_by_source and bookings_by_meeting_type, written
-- once: every meeting stands in one group of each of the three dimensions.
-- grain: one row per dimension and group_key
-- columns:
--   dimension: agent, source or meeting_type
--   group_key: the agent's id as text, the source or the type; UNKNOWN where absent
--   bookings: meetings booked, in every state
--   canceled_meetings: of these, cancelled
--   delisted_meetings: of these, gone from Drift without being cancelled
--   upcoming_meetings: of these, still to start
--   in_progress_meetings: of these, started and not ended
--   elapsed_meetings: of these, whose time has passed, not cancelled
--   rescheduled_meetings: of these, whose start ever moved
--   self_booked_meetings: of these, booked by the visitor alone
--   cancel_rate: canceled_meetings / bookings, 0 to 1
--   reschedule_rate: rescheduled_meetings / bookings, 0 to 1
--   self_booked_rate: self_booked_meetings / bookings, 0 to 1
--   bookings_share: bookings / all bookings, 0 to 1
--   bookings_last_28_days: booked_on in the 28 days up to today, today included
--   bookings_prior_28_days: booked_on in the 28 days before those
--   bookings_change: last / prior 28 days - 1; null where there are none prior
--   median_lead_time_hours: median hours from booking to start, interpolated
--   p90_lead_time_hours: 90th percentile of the same, interpolated
--   booked_hours: hours of meetings neither cancelled nor delisted
--   visitors: distinct scheduler_id
--   repeat_visitors: of these, with two bookings or more in the group
--   first_booked_at: first booking (UTC)
--   last_booked_at: last booking (UTC)
with counts as (
    select
        dimension,
        group_key,
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
        coalesce(cast(sum(booked_microseconds) as double), 0.0) / 3600000000.0 as booked_hours,
        min(booked_at) as first_booked_at,
        max(booked_at) as last_booked_at
    from bookings.stg_group_members
    group by dimension, group_key
)

select
    counts.dimension,
    counts.group_key,
    counts.bookings,
    counts.canceled_meetings,
    counts.delisted_meetings,
    counts.upcoming_meetings,
    counts.in_progress_meetings,
    counts.elapsed_meetings,
    counts.rescheduled_meetings,
    counts.self_booked_meetings,
    counts.canceled_meetings / nullif(counts.bookings, 0) as cancel_rate,
    counts.rescheduled_meetings / nullif(counts.bookings, 0) as reschedule_rate,
    counts.self_booked_meetings / nullif(counts.bookings, 0) as self_booked_rate,
    counts.bookings / nullif(sum(counts.bookings) over (partition by counts.dimension), 0)
        as bookings_share,
    counts.bookings_last_28_days,
    counts.bookings_prior_28_days,
    counts.bookings_last_28_days / nullif(counts.bookings_prior_28_days, 0) - 1 as bookings_change,
    lead_times.median_lead_time_hours,
    lead_times.p90_lead_time_hours,
    counts.booked_hours,
    visitors.visitors,
    visitors.repeat_visitors,
    counts.first_booked_at,
    counts.last_booked_at
from counts
inner join bookings.stg_group_visitors as visitors
    on counts.dimension = visitors.dimension and counts.group_key = visitors.group_key
left join bookings.stg_group_lead_times as lead_times
    on counts.dimension = lead_times.dimension and counts.group_key = lead_times.group_key
