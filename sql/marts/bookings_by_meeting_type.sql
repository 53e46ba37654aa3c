-- The booking metrics of each kind of meeting.
-- grain: meeting_type
select
    metrics.group_key as meeting_type, -- the kind of meeting; UNKNOWN where absent
    metrics.* exclude (dimension, group_key, group_name)
from bookings.booking_metrics as metrics
where metrics.dimension = 'meeting_type'
