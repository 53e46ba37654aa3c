-- What happened to each meeting, in order.
-- grain: one row per meeting_id, version_number and event_type
-- looked up by: meeting_id, occurred_at
-- columns:
--   meeting_id: the meeting
--   version_number: the version that shows the event; 1 for the oldest
--   event_type: booked, rescheduled, canceled, reinstated, reassigned or delisted
--   occurred_at: booked_at (booked), start of the sync that missed it (delisted), or updated_at
--   agent_id: the agent in that version; null where nobody was assigned
--   from_value: start (rescheduled), status or agent_id before; null where there was none
--   to_value: start (booked, rescheduled), status or agent_id from then on; null where none
-- Starts are written like 2025-01-31 09:30:00Z. A meeting first seen cancelled has two events.
select
    meeting_id,
    1 as version_number,
    'booked' as event_type,
    booked_at as occurred_at,
    first_agent_id as agent_id,
    cast(null as varchar) as from_value,
    strftime(first_slot_start_at at time zone 'UTC', '%Y-%m-%d %H:%M:%S') || 'Z' as to_value
from bookings.stg_meetings
union all
select
    meeting_id,
    version_number,
    'rescheduled' as event_type,
    updated_at as occurred_at,
    agent_id,
    strftime(previous_slot_start_at at time zone 'UTC', '%Y-%m-%d %H:%M:%S') || 'Z' as from_value,
    strftime(slot_start_at at time zone 'UTC', '%Y-%m-%d %H:%M:%S') || 'Z' as to_value
from bookings.stg_meeting_versions
where is_reschedule
union all
select
    meeting_id,
    version_number,
    case when is_canceled then 'canceled' else 'reinstated' end as event_type,
    updated_at as occurred_at,
    agent_id,
    previous_status as from_value,
    status as to_value
from bookings.stg_meeting_versions
where is_cancellation or is_reinstatement
union all
select
    meeting_id,
    version_number,
    'reassigned' as event_type,
    updated_at as occurred_at,
    agent_id,
    cast(previous_agent_id as varchar) as from_value,
    cast(agent_id as varchar) as to_value
from bookings.stg_meeting_versions
where is_reassignment
union all
select
    meeting_id,
    version_count as version_number,
    'delisted' as event_type,
    delisted_at as occurred_at,
    agent_id,
    cast(null as varchar) as from_value,
    cast(null as varchar) as to_value
from bookings.stg_meetings
where meeting_state = 'delisted'
