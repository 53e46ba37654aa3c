-- How long do visitors wait? The days from booking to meeting, with the cancel rate beside them.
select lead_time_bucket, bookings, due_meetings, due_canceled_meetings, cancel_rate
from bookings.lead_time_buckets
order by bucket_number asc
