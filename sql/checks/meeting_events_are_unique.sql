-- A version shows each event at most once, and every event has a time.
select
    meeting_id,
    version_number,
    event_type,
    count(*) as copies
from bookings.meeting_events
group by meeting_id, version_number, event_type
having count(*) > 1 or count(occurred_at) < count(*)
