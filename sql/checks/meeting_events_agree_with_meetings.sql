-- Every meeting was booked once and rescheduled reschedule_count times, as its events tell it.
with events as (
    select
        meeting_id,
        count(case when event_type = 'booked' then 1 end) as booked,
        count(case when event_type = 'rescheduled' then 1 end) as rescheduled
    from bookings.meeting_events
    group by meeting_id
)

select
    meetings.meeting_id,
    meetings.reschedule_count,
    events.booked,
    events.rescheduled
from bookings.meetings as meetings
left join events on meetings.meeting_id = events.meeting_id
where coalesce(events.booked, 0) <> 1 or events.rescheduled <> meetings.reschedule_count
