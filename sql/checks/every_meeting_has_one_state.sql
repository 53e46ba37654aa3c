-- Every meeting is in one of the five states, and in canceled just when it is canceled.
select
    meeting_id,
    meeting_state,
    is_canceled
from bookings.meetings
where
    meeting_state is null
    or meeting_state not in ('canceled', 'delisted', 'upcoming', 'in_progress', 'elapsed')
    or is_canceled <> (meeting_state = 'canceled')
