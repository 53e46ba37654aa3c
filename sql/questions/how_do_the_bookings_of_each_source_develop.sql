-- How do the bookings of each source develop? By week of the booking, complete weeks only.
select sources.meeting_source, weeks.week_start_on, coalesce(booked.bookings, 0) as bookings
from bookings.bookings_by_source as sources
cross join bookings.weekly_bookings as weeks
left join bookings.booking_trends as booked
    on sources.meeting_source = booked.group_key and weeks.week_start_on = booked.period_start_on
    and booked.dimension = 'source' and booked.period = 'week'
where weeks.is_complete
order by sources.meeting_source asc, weeks.week_start_on asc
