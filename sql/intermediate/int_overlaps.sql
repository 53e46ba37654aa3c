-- The meetings that start while another one of the same agent is on, both neither canceled nor
-- delisted. One that starts as another ends does not; one without an end is over as it starts.
-- grain: meeting_id
with ordered as (
    select
        meeting_id, agent_id, meeting_on, slot_start_at,
        max(slot_end_at) over (in_order rows between unbounded preceding and 1 preceding)
            as busy_until_at,
        lead(slot_start_at) over in_order as next_start_at,
        lead(slot_end_at) over in_order as next_end_at
    from bookings_internal.int_meeting_states
    where not is_lost and agent_id is not null and slot_start_at is not null
    window in_order as (
        partition by agent_id order by slot_start_at asc, slot_end_at desc nulls last
    )
)

select
    meeting_id, -- the meeting that starts while another one is on
    agent_id, -- the agent of both
    meeting_on, -- the day of its start
    slot_start_at -- its start (UTC)
from ordered
where
    busy_until_at > slot_start_at
    -- finds the first of those that start together
    or (next_start_at = slot_start_at and next_end_at > slot_start_at)
