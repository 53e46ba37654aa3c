-- What happened to each meeting, in order. Starts are written like 2025-01-31 09:30:00Z.
-- grain: meeting_id, version_number, event_type
-- looked up by: meeting_id, occurred_at
with changes as (
    select
        *,
        strftime(slot_start_at at time zone 'UTC', '%Y-%m-%d %H:%M:%SZ') as start_text,
        strftime(previous_slot_start_at at time zone 'UTC', '%Y-%m-%d %H:%M:%SZ') as previous_text
    from bookings_internal.int_version_changes
    where is_reschedule or is_cancellation or is_reinstatement or is_reassignment
)

select
    meeting_id, -- the meeting
    1 as version_number, -- the state that shows the event; 1 for the oldest
    'booked' as event_type, -- booked, rescheduled, canceled, reinstated, reassigned or delisted
    booked_at as occurred_at, -- booked_at, updated_at, or the sync that missed it (delisted) (UTC)
    first_agent_id as agent_id, -- the agent in that state; null where nobody was assigned
    cast(null as varchar) as from_value, -- start, status or agent_id before; null where none
    strftime(first_slot_start_at at time zone 'UTC', '%Y-%m-%d %H:%M:%SZ')
        as to_value -- start, status or agent_id from then on; null where none
from bookings.meetings
union all
select
    meeting_id, version_number, 'rescheduled' as event_type, updated_at as occurred_at, agent_id,
    previous_text as from_value, start_text as to_value
from changes where is_reschedule
union all
select
    meeting_id, version_number, case when is_canceled then 'canceled' else 'reinstated' end
        as event_type,
    updated_at as occurred_at, agent_id, previous_status as from_value, status as to_value
from changes where is_cancellation or is_reinstatement
union all
select
    meeting_id, version_number, 'reassigned' as event_type, updated_at as occurred_at, agent_id,
    cast(previous_agent_id as varchar) as from_value, cast(agent_id as varchar) as to_value
from changes where is_reassignment
union all
select
    meeting_id, version_count as version_number, 'delisted' as event_type,
    delisted_at as occurred_at, agent_id,
    cast(null as varchar) as from_value, cast(null as varchar) as to_value
from bookings.meetings where meeting_state = 'delisted'
