-- What the counting tables count by is there for every meeting.
select
    meeting_id,
    booked_at,
    booked_on,
    version_count
from bookings.meetings
where meeting_id is null or booked_at is null or booked_on is null or version_count is null
