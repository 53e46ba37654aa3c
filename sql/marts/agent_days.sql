-- Each agent's days with meetings, past and ahead. Days are in bookings.time_zone.
-- grain: agent_id, meeting_on
-- looked up by: meeting_on, agent_id
with double_booked as (
    select agent_id, meeting_on, count(*) as meetings
    from bookings_internal.int_overlaps
    group by agent_id, meeting_on
)

select
    booked.agent_id, -- the agent
    booked.meeting_on, -- the day on which the meetings start
    count(*) filter (where not booked.is_lost) as meetings, -- neither canceled nor delisted
    count(*) filter (where booked.is_canceled) as canceled_meetings, -- canceled ones
    cast(coalesce(sum(cast(booked.duration_minutes * 60000 as bigint))
        filter (where not booked.is_lost), 0) as double) / 3600000
        as booked_hours, -- durations of meetings neither canceled nor delisted
    min(booked.slot_start_at) filter (where not booked.is_lost)
        as first_start_at, -- the first start of these (UTC)
    max(greatest(booked.slot_start_at, coalesce(booked.slot_end_at, booked.slot_start_at)))
        filter (where not booked.is_lost) as last_end_at, -- the last end of these (UTC)
    max(coalesce(double_booked.meetings, 0))
        as overlapping_meetings -- of these, that start while another one of the agent's is on
from bookings.meetings as booked
left join double_booked
    on booked.agent_id = double_booked.agent_id and booked.meeting_on = double_booked.meeting_on
where booked.agent_id is not null and booked.meeting_on is not null
group by booked.agent_id, booked.meeting_on
