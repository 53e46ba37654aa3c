-- The meetings that were cancelled or delisted, and whose visitor booked another one at that
-- moment or within the 14 days after it.
-- grain: meeting_id
select distinct lost.meeting_id -- the meeting that was cancelled or delisted
from bookings_internal.int_meeting_states as lost
inner join bookings_internal.int_meeting_states as again
    on lost.scheduler_id = again.scheduler_id and lost.meeting_id <> again.meeting_id
where
    again.booked_at >= coalesce(lost.canceled_at, lost.delisted_at)
    and again.booked_at <= coalesce(lost.canceled_at, lost.delisted_at) + interval 336 hour
