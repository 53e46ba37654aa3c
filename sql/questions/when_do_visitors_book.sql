-- When do visitors book? By weekday and hour in bookings.time_zone; weekday 1 is Monday.
select isodow(booked.booked_on) as booked_weekday,
    hour(booked.booked_at at time zone health.time_zone) as booked_hour, count(*) as bookings
from bookings.meetings as booked
cross join bookings.data_health as health
group by booked_weekday, booked_hour
order by bookings desc, booked_weekday asc, booked_hour asc
