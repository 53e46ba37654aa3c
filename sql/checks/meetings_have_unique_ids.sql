-- A meeting is one row of meetings, however many versions of it are known.
select
    meeting_id,
    count(*) as copies
from bookings.meetings
group by meeting_id
having count(*) > 1
