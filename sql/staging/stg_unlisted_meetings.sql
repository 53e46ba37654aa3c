-- Which complete read no longer returned a meeting that the one before had returned.
-- grain: meeting_id, sync_id
select
    slug as meeting_id, -- the meeting
    sync_id -- the sync that missed it
from drift.unlisted_meetings
