-- On which weekdays and at which hours of their own do visitors meet? (1 is Monday.)
select
    local_weekday,
    local_hour,
    bookings
from bookings.booking_hours
where local_weekday is not null
order by bookings desc, local_weekday asc, local_hour asc
