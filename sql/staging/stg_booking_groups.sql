-- The numbers behind bookings_by_agent, _by_source, _by_meeting_type, _by_playbook and _by_team,
-- written once: every meeting stands in one group of each dimension, of team in one or more.
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
    counts.bookings
    / nullif(sum(case when counts.dimension = 'source' then counts.bookings end) over (), 0)
        as bookings_share, -- of all bookings: added up over teams, some would count twice
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
from bookings.stg_group_counts as counts
left join bookings.stg_group_visitors as visitors
    on counts.dimension = visitors.dimension and counts.group_key = visitors.group_key
left join bookings.stg_group_lead_times as lead_times
    on counts.dimension = lead_times.dimension and counts.group_key = lead_times.group_key
