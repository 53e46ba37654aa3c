-- A meeting says when it was cancelled just when it is cancelled.
select
    meeting_id,
    is_canceled,
    canceled_at
from bookings.meetings
where is_canceled <> (canceled_at is not null)
