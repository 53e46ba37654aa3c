-- Which source cancels most?
select
    meeting_source,
    cancel_rate,
    canceled_meetings,
    bookings
from bookings.bookings_by_source
order by cancel_rate desc, meeting_source asc
