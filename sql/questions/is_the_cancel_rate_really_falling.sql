-- Is the cancel rate really falling? By week of the meeting, so that all of a week's are due.
select weeks.week_start_on, count(*) as due_meetings,
    count(*) filter (where booked.is_canceled) as due_canceled_meetings,
    count(*) filter (where booked.is_canceled) / count(*) as cancel_rate
from bookings.weekly_bookings as weeks
inner join bookings.meetings as booked
    on booked.meeting_on between weeks.week_start_on and weeks.week_start_on + 6
where weeks.is_complete group by weeks.week_start_on order by weeks.week_start_on asc
