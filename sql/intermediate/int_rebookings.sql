-- The meetings that were cancelled or delisted, and whose visitor booked another one at that
-- moment or within the 14 days after it.
-- grain: meeting_id
with states as (
    select meeting_id, scheduler_id, booked_at, coalesce(canceled_at, delisted_at) as lost_at
    from bookings_internal.int_meeting_states
    where scheduler_id is not null
)

select distinct lost.meeting_id -- the meeting that was cancelled or delisted
from states as lost
inner join states as again on lost.scheduler_id = again.scheduler_id
where
    lost.meeting_id <> again.meeting_id
    and again.booked_at between lost.lost_at and lost.lost_at + interval 336 hour
