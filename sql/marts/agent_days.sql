-- Each agent's days with meetings, past and ahead. Days are in bookings.time_zone.
-- grain: agent_id, meeting_on
-- looked up by: meeting_on, agent_id
with held as (
    select
        agent_id,
        meeting_on,
        slot_start_at,
        max(slot_end_at) over (
            partition by agent_id
            order by slot_start_at, slot_end_at desc nulls last, meeting_id
            rows between unbounded preceding and 1 preceding
        ) as busy_until_at,
        lead(slot_start_at) over in_order as next_start_at,
        lead(slot_end_at) over in_order as next_end_at
    from bookings.meetings
    where
        meeting_state not in ('canceled', 'delisted')
        and agent_id is not null
        and slot_start_at is not null
    window in_order as (
        partition by agent_id
        order by slot_start_at, slot_end_at desc nulls last, meeting_id
    )
),

-- the second condition finds the first of those that start together
double_booked as (
    select
        agent_id,
        meeting_on,
        count(*) as overlapping_meetings
    from held
    where
        busy_until_at > slot_start_at
        or (next_start_at = slot_start_at and next_end_at > slot_start_at)
    group by agent_id, meeting_on
)

select
    meetings.agent_id, -- the agent
    meetings.meeting_on, -- the day on which the meetings start
    count(*) filter (where meetings.meeting_state not in ('canceled', 'delisted'))
        as meetings, -- meetings neither cancelled nor delisted
    count(*) filter (where meetings.meeting_state = 'canceled')
        as canceled_meetings, -- cancelled ones
    count(*) filter (where meetings.meeting_state = 'delisted')
        as delisted_meetings, -- gone from Drift without being cancelled
    coalesce(
        cast(
            sum(cast(meetings.duration_minutes * 60000 as bigint))
                filter (where meetings.meeting_state not in ('canceled', 'delisted')) as double
        ), 0
    ) / 3600000 as booked_hours, -- durations of meetings neither cancelled nor delisted
    min(meetings.slot_start_at) filter (where meetings.meeting_state not in ('canceled', 'delisted'))
        as first_start_at, -- the first start of these (UTC)
    max(meetings.slot_end_at) filter (where meetings.meeting_state not in ('canceled', 'delisted'))
        as last_end_at, -- the last end of these (UTC)
    max(coalesce(double_booked.overlapping_meetings, 0))
        as overlapping_meetings -- of these, that start while another one of the agent's is on
from bookings.meetings as meetings
left join double_booked
    on meetings.agent_id = double_booked.agent_id and meetings.meeting_on = double_booked.meeting_on
where meetings.agent_id is not null and meetings.meeting_on is not null
group by meetings.agent_id, meetings.meeting_on
