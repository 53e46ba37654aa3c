-- How each team's meetings go: those of the agents who now belong to it. This table does not add
-- up: an agent in two teams counts in each. The numbers come from stg_booking_groups; those that
-- cannot be added up from agents are null in the row of no team.
-- grain: one row per team
-- columns:
--   team_id: the team; null for meetings of agents in no team, and of nobody
--   team_name: the team's name; Unassigned where team_id is null
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
    cast(nullif(booking_groups.group_key, 'UNKNOWN') as bigint) as team_id,
    case
        when booking_groups.group_key = 'UNKNOWN' then 'Unassigned'
        else teams.name
    end as team_name,
    booking_groups.bookings,
    booking_groups.canceled_meetings,
    booking_groups.delisted_meetings,
    booking_groups.upcoming_meetings,
    booking_groups.in_progress_meetings,
    booking_groups.elapsed_meetings,
    booking_groups.rescheduled_meetings,
    booking_groups.self_booked_meetings,
    booking_groups.cancel_rate,
    booking_groups.reschedule_rate,
    booking_groups.self_booked_rate,
    booking_groups.bookings_share,
    booking_groups.bookings_last_28_days,
    booking_groups.bookings_prior_28_days,
    booking_groups.bookings_change,
    booking_groups.median_lead_time_hours,
    booking_groups.p90_lead_time_hours,
    booking_groups.booked_hours,
    booking_groups.visitors,
    booking_groups.repeat_visitors,
    booking_groups.first_booked_at,
    booking_groups.last_booked_at
from bookings.stg_booking_groups as booking_groups
left join drift.teams as teams
    on cast(nullif(booking_groups.group_key, 'UNKNOWN') as bigint) = teams.id
where booking_groups.dimension = 'team'
order by booking_groups.bookings desc, booking_groups.group_key asc
