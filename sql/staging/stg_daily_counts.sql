-- Every meeting once, counted with those of its day, agent, source, type and playbook: what
-- daily_bookings and the groups are added up from.
-- grain: one row per booked_on, agent_id, meeting_source, meeting_type and playbook_id
-- columns:
--   booked_on: the day on which the meetings were booked, in bookings.time_zone
--   agent_id: the agent; null where nobody is assigned
--   meeting_source: where they were booked; UNKNOWN where absent
--   meeting_type: kind of meeting; UNKNOWN where absent
--   playbook_id: the playbook that their conversations came from; null where unknown
--   bookings: meetings booked, in every state
--   canceled_meetings: of these, cancelled
--   delisted_meetings: of these, gone from Drift without being cancelled
--   upcoming_meetings: of these, still to start
--   in_progress_meetings: of these, started and not ended
--   elapsed_meetings: of these, whose time has passed, not cancelled
--   rescheduled_meetings: of these, whose start ever moved
--   self_booked_meetings: of these, booked by the visitor alone
--   duration_microseconds: sum of their durations, in every state
--   booked_microseconds: the same of meetings neither cancelled nor delisted
--   lead_time_microseconds: sum of the times from booking to start
--   first_booked_at: first booking (UTC)
--   last_booked_at: last booking (UTC)
-- Sums run over whole microseconds: their result does not depend on the order of the rows.
with booked as (
    select
        booked_on,
        agent_id,
        coalesce(meeting_source, 'UNKNOWN') as meeting_source,
        coalesce(meeting_type, 'UNKNOWN') as meeting_type,
        playbook_id,
        meeting_state,
        is_rescheduled,
        is_self_booked,
        booked_at,
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
    playbook_id,
    count(*) as bookings,
    count(case when meeting_state = 'canceled' then 1 end) as canceled_meetings,
    count(case when meeting_state = 'delisted' then 1 end) as delisted_meetings,
    count(case when meeting_state = 'upcoming' then 1 end) as upcoming_meetings,
    count(case when meeting_state = 'in_progress' then 1 end) as in_progress_meetings,
    count(case when meeting_state = 'elapsed' then 1 end) as elapsed_meetings,
    count(case when is_rescheduled then 1 end) as rescheduled_meetings,
    count(case when is_self_booked then 1 end) as self_booked_meetings,
    sum(duration_microseconds) as duration_microseconds,
    sum(case when meeting_state not in ('canceled', 'delisted') then duration_microseconds end)
        as booked_microseconds,
    sum(lead_time_microseconds) as lead_time_microseconds,
    min(booked_at) as first_booked_at,
    max(booked_at) as last_booked_at
from booked
group by booked_on, agent_id, meeting_source, meeting_type, playbook_id
