-- The booking metrics of each place where meetings are booked.
-- grain: meeting_source
select
    metrics.group_key as meeting_source, -- where the meetings were booked; UNKNOWN where absent
    metrics.* exclude (dimension, group_key, group_name)
from bookings.booking_metrics as metrics
where metrics.dimension = 'source'
