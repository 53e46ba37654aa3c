-- How do the months compare? By the month of the booking; meetings still ahead are in no rate.
select period_start_on as month_on, bookings, due_meetings, due_canceled_meetings, cancel_rate,
    is_complete
from bookings.booking_trends
where period = 'month' and dimension = 'all'
order by period_start_on asc
