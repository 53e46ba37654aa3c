-- Each state of a meeting beside the one before it, in the order of updated_at, then of the sync
-- that first saw it (updated_at need not rise), then of content_hash (so that it is always one).
-- grain: meeting_id, version_number
with ordered as (
    select
        *,
        row_number() over in_order as version_number,
        count(*) over (partition by meeting_id) as version_count,
        max(sync_id) over (partition by meeting_id) as last_sync_id,
        lag(slot_start_at) over in_order as previous_slot_start_at,
        lag(agent_id) over in_order as previous_agent_id,
        lag(status) over in_order as previous_status,
        coalesce(lag(is_canceled) over in_order, false) as was_canceled
    from bookings_internal.stg_meeting_versions
    window in_order as (partition by meeting_id order by updated_at, sync_id, content_hash)
)

select
    meeting_id, -- the meeting
    version_number, -- 1 for the oldest state
    version_count, -- how many states the meeting has
    version_number = version_count as is_newest, -- whether no later state is known
    updated_at, -- when this state came about (UTC)
    sync_id, -- the sync that first saw it
    content_hash, -- a digest of all that Drift sent
    last_sync_id < '1' as is_from_files, -- whether files alone have states of the meeting
    scheduled_at, -- when the meeting was booked (UTC)
    slot_start_at, -- when it starts (UTC)
    slot_end_at, -- when it ends (UTC)
    scheduler_id, -- the contact who booked
    agent_id, -- the agent
    status, -- Drift's status
    is_canceled, -- whether the meeting is canceled
    previous_slot_start_at, -- when it started by the state before (UTC)
    previous_agent_id, -- the agent of the state before
    previous_status, -- the status of the state before
    coalesce(slot_start_at <> previous_slot_start_at, false)
        as is_reschedule, -- whether the start moved; from or to no start is no reschedule
    is_canceled and not was_canceled
        as is_cancellation, -- cancels the meeting, or is its first state and canceled
    was_canceled and not is_canceled as is_reinstatement, -- the state before was canceled
    version_number > 1 and (agent_id is distinct from previous_agent_id)
        as is_reassignment -- whether the agent changed, also from none or to none
from ordered
