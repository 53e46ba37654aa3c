-- The meetings that the last complete read returned.
-- grain: meeting_id
select distinct slug as meeting_id -- the meeting
from drift.listed_meetings
