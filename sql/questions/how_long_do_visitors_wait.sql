-- How long do visitors wait for their meeting, and do those who wait longer cancel more?
select
    lead_time_bucket,
    bookings,
    cancel_rate
from bookings.lead_time_buckets
order by bucket_number
