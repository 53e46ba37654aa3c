-- Every state of a meeting that was ever seen, in the words of the models.
-- grain: meeting_id, updated_at, sync_id, content_hash
select
    slug as meeting_id, -- the meeting (Drift's slug)
    updated_at, -- when this state came about (UTC)
    sync_id, -- the sync that first saw it; begins with 0 where it came from a file
    content_hash, -- a digest of all that Drift sent, notes and undocumented attributes apart
    org_id, -- the Drift organisation
    agent_id, -- the Drift user who takes the meeting; null while nobody is assigned
    scheduler_id, -- the contact who booked
    conversation_id, -- the conversation in which it was booked
    booked_by as booked_by_id, -- the Drift user who booked for the visitor; null for the visitor
    event_id, -- the calendar's event
    status, -- Drift's status, as sent
    coalesce(lower(status) in ('canceled', 'cancelled'), false)
        as is_canceled, -- the status is CANCELED or CANCELLED, ignoring case
    coalesce(meeting_source, 'UNKNOWN') as meeting_source, -- where it was booked
    coalesce(meeting_type, 'UNKNOWN') as meeting_type, -- the kind of meeting
    end_user_time_zone, -- the visitor's time zone, as sent
    known_time_zone, -- the same, null unless every engine knows it
    cast(floor(date_sub('microsecond', timestamptz '1970-01-01 00:00:00+00', slot_start)
        / 900000000.0) as bigint) as quarter_number, -- the start's quarter hour since 1970
    meeting_notes, -- the notes, as sent
    scheduled_at, -- when it was booked, as this state says (UTC)
    slot_start as slot_start_at, -- when it starts (UTC)
    slot_end as slot_end_at -- when it ends (UTC)
from drift.meeting_versions
where sync_id in (select sync_id from bookings_internal.stg_loads)
