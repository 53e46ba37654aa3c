-- The meetings that were canceled or delisted, and whose visitor booked another one at that
-- moment or within the 14 days after it.
-- grain: meeting_id
select distinct lost.meeting_id -- the meeting that was canceled or delisted
from bookings_internal.int_meeting_states as lost
inner join bookings_internal.int_meeting_states as again
    on lost.scheduler_id = again.scheduler_id and lost.meeting_id <> again.meeting_id
where again.booked_at >= lost.lost_at and again.booked_at <= lost.rebookable_until_at
