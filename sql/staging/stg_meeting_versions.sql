-- Each version of a meeting beside the version before it: what changed from one to the next.
-- Versions stand in the order of updated_at, then of the sync that first saw them (a change that
-- did not raise updated_at), then of content_hash (only so that the order is always the same).
-- grain: one row per meeting and version
-- columns:
--   meeting_id: the meeting (Drift's slug)
--   version_number: 1 for the oldest version
--   version_count: how many versions its meeting has
--   is_newest: whether no later version is known
--   updated_at: when this version came to be (UTC)
--   sync_id: the sync that first saw this version
--   content_hash: hash of this version's content
--   scheduled_at: when the meeting was booked, as this version says (UTC)
--   slot_start_at: start of the meeting (UTC)
--   slot_end_at: end of the meeting (UTC)
--   agent_id: the agent who takes the meeting
--   status: Drift's status
--   is_canceled: whether the status is CANCELED or CANCELLED, ignoring case
--   previous_slot_start_at: start of the meeting in the version before (UTC)
--   previous_agent_id: the agent in the version before
--   previous_status: the status in the version before
--   is_reschedule: whether the start moved; from or to no start at all is no reschedule
--   is_cancellation: whether this version cancels the meeting, or is the first and cancelled
--   is_reinstatement: whether the version before was cancelled and this one is not
--   is_reassignment: whether the agent changed, also from none or to none
with versions as (
    select
        slug as meeting_id,
        updated_at,
        sync_id,
        content_hash,
        scheduled_at,
        slot_start as slot_start_at,
        slot_end as slot_end_at,
        agent_id,
        status,
        coalesce(lower(status) in ('canceled', 'cancelled'), false) as is_canceled
    from drift.meeting_versions
),

ordered as (
    select
        *,
        row_number() over in_order as version_number,
        count(*) over (partition by meeting_id) as version_count,
        lead(updated_at) over in_order is null as is_newest,
        lag(slot_start_at) over in_order as previous_slot_start_at,
        lag(agent_id) over in_order as previous_agent_id,
        lag(status) over in_order as previous_status,
        coalesce(lag(is_canceled) over in_order, false) as was_canceled
    from versions
    window in_order as (partition by meeting_id order by updated_at, sync_id, content_hash)
)

select
    meeting_id,
    version_number,
    version_count,
    is_newest,
    updated_at,
    sync_id,
    content_hash,
    scheduled_at,
    slot_start_at,
    slot_end_at,
    agent_id,
    status,
    is_canceled,
    previous_slot_start_at,
    previous_agent_id,
    previous_status,
    coalesce(slot_start_at <> previous_slot_start_at, false) as is_reschedule,
    is_canceled and not was_canceled as is_cancellation,
    was_canceled and not is_canceled as is_reinstatement,
    version_number > 1 and (agent_id is distinct from previous_agent_id) as is_reassignment
from ordered
