-- Counts that add up over any days, agents, sources and types: the table behind a dashboard.
-- Every meeting is counted once, on the day on which it was booked.
-- grain: one row per booked_on, agent_id, meeting_source and meeting_type
-- looked up by: booked_on
-- columns:
--   booked_on: the day on which the meetings were booked, in bookings.time_zone
--   agent_id: the agent; null where nobody is assigned
--   meeting_source: where they were booked; UNKNOWN where absent
--   meeting_type: kind of meeting; UNKNOWN where absent
--   bookings: meetings booked, in every state
--   canceled_meetings: of these, cancelled
--   delisted_meetings: of these, gone from Drift without being cancelled
--   rescheduled_meetings: of these, whose start ever moved
--   upcoming_meetings: of these, still to start
--   in_progress_meetings: of these, started and not ended
--   elapsed_meetings: of these, whose time has passed, not cancelled
--   self_booked_meetings: of these, booked by the visitor alone
--   duration_minutes: sum of their durations, in minutes, in every state
--   lead_time_hours: sum of their hours from booking to start
-- Sums run over whole microseconds: their result does not depend on the order of the rows.
with booked as (
    select
        booked_on,
        agent_id,
        coalesce(meeting_source, 'UNKNOWN') as meeting_source,
        coalesce(meeting_type, 'UNKNOWN') as meeting_type,
        meeting_state,
        is_rescheduled,
        is_self_booked,
        case
            when duration_minutes is not null
                then date_diff('microsecond', slot_start_at, slot_end_at)
        end as duration_microseconds,
        date_diff('microsecond', booked_at, slot_start_at) as lead_time_microseconds
    from bookings.meetings
)

select
    booked_on,
    agent_id,
    meeting_source,
    meeting_type,
    count(*) as bookings,
    count(case when meeting_state = 'canceled' then 1 end) as canceled_meetings,
    count(case when meeting_state = 'delisted' then 1 end) as delisted_meetings,
    count(case when is_rescheduled then 1 end) as rescheduled_meetings,
    count(case when meeting_state = 'upcoming' then 1 end) as upcoming_meetings,
    count(case when meeting_state = 'in_progress' then 1 end) as in_progress_meetings,
    count(case when meeting_state = 'elapsed' then 1 end) as elapsed_meetings,
    count(case when is_self_booked then 1 end) as self_booked_meetings,
    coalesce(cast(sum(duration_microseconds) as double), 0.0) / 60000000.0 as duration_minutes,
    coalesce(cast(sum(lead_time_microseconds) as double), 0.0) / 3600000000.0 as lead_time_hours
from booked
group by booked_on, agent_id, meeting_source, meeting_type
