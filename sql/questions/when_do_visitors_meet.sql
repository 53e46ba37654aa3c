-- When do visitors meet? On their own clock; weekday 1 is Monday.
select local_weekday, local_hour, bookings, due_meetings, due_canceled_meetings, cancel_rate
from bookings.booking_hours
where local_weekday is not null
order by bookings desc, local_weekday asc, local_hour asc
