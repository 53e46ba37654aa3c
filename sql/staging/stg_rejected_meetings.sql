-- Records that cannot be a meeting.
-- grain: record_id
select
    record_id, -- the record
    slug as meeting_id, -- the meeting's id, where the record has one
    reason, -- why it cannot be a meeting
    sync_id -- the sync that first saw it
from drift.rejected_meetings
where sync_id in (select sync_id from bookings_internal.stg_loads)
