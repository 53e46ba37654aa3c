-- Which source cancels most?
select meeting_source, cancel_rate, due_canceled_meetings, due_meetings
from bookings.bookings_by_source
where due_meetings > 0
order by cancel_rate desc, meeting_source asc
