-- The meetings that were cancelled or delisted, and whose visitor booked another one at that
-- moment or within the 14 days after it.
-- grain: meeting_id
with states as (
    select
        meeting_id,
        scheduler_id,
        booked_at,
        case
            when meeting_state in ('canceled', 'delisted') then coalesce(canceled_at, delisted_at)
        end as lost_at
    from bookings_internal.int_meeting_states
    where scheduler_id is not null
)

select distinct lost.meeting_id -- the meeting that was cancelled or delisted
from states as lost
inner join states as others on lost.scheduler_id = others.scheduler_id
where
    lost.meeting_id <> others.meeting_id
    and others.booked_at >= lost.lost_at
    and others.booked_at <= lost.lost_at + interval 336 hour
