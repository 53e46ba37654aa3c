-- A meeting says when it was canceled just when it is canceled.
select
    meeting_id,
    is_canceled,
    canceled_at
from bookings.meetings
where is_canceled <> (canceled_at is not null)
