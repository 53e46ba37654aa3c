-- Each time that a complete read returned a meeting anew, or no longer returned it.
-- grain: meeting_id, sync_id
select
    slug as meeting_id, -- the meeting
    sync_id, -- the sync
    is_listed -- whether it returned the meeting, which the one before had not; or the other way
from drift.meeting_listings
where sync_id in (select sync_id from bookings_internal.stg_loads)
