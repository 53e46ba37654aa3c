-- How many bookings are of new visitors? By month; who came before the oldest one is not known.
select booked_month_on, count(*) filter (where visitor_booking_number = 1) as first_bookings,
    count(*) as bookings,
    count(*) filter (where visitor_booking_number = 1) / count(*) as first_bookings_share
from bookings.meetings
where visitor_booking_number is not null
group by booked_month_on
order by booked_month_on asc
