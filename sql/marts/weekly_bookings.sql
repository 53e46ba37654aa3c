-- Bookings by week, each beside the week before: every week from the first to the newest.
-- grain: week_start_on
select
    weeks.period_start_on as week_start_on, -- its Monday; weeks go by booked_on
    coalesce(booked.bookings, 0) as bookings, -- meetings booked in the week, in every state
    coalesce(booked.canceled_meetings, 0) as canceled_meetings, -- of these, canceled
    coalesce(booked.delisted_meetings, 0) as delisted_meetings, -- gone without being canceled
    coalesce(booked.upcoming_meetings, 0) as upcoming_meetings, -- still to start
    coalesce(booked.in_progress_meetings, 0) as in_progress_meetings, -- started and not ended
    coalesce(booked.elapsed_meetings, 0) as elapsed_meetings, -- time has passed, not canceled
    coalesce(booked.due_meetings, 0) as due_meetings, -- whose start has passed
    coalesce(booked.due_canceled_meetings, 0) as due_canceled_meetings, -- due and canceled
    booked.cancel_rate, -- due_canceled_meetings / due_meetings; null without due meetings
    weeks.is_complete, -- the week has ended, and every booking of it is known
    case
        when weeks.is_complete and lag(weeks.is_complete) over in_order
            then coalesce(booked.bookings, 0) - coalesce(lag(booked.bookings) over in_order, 0)
    end as bookings_difference, -- less those of the week before; null unless both are complete
    case
        when weeks.is_complete and lag(weeks.is_complete) over in_order
            then booked.cancel_rate - lag(booked.cancel_rate) over in_order
    end as cancel_rate_difference -- the same of cancel_rate, -1 to 1
from bookings.booking_periods as weeks
left join bookings.booking_trends as booked
    on
        weeks.period = booked.period
        and weeks.period_start_on = booked.period_start_on
        and booked.dimension = 'all'
where weeks.period = 'week'
window in_order as (order by weeks.period_start_on)
