-- Bookings by week, each beside the week before: every week from the first to the newest.
-- grain: week_start_on
with counts as (
    select
        booked_on - cast(date_diff('day', date '0001-01-01', booked_on) % 7 as integer)
            as week_start_on, -- 0001-01-01 was a Monday
        count(*) as bookings,
        count(*) filter (where meeting_state = 'canceled') as canceled_meetings,
        count(*) filter (where meeting_state = 'delisted') as delisted_meetings,
        count(*) filter (where meeting_state = 'upcoming') as upcoming_meetings,
        count(*) filter (where meeting_state = 'in_progress') as in_progress_meetings,
        count(*) filter (where meeting_state = 'elapsed') as elapsed_meetings,
        count(*) filter (where is_due) as due_meetings,
        count(*) filter (where is_due and is_canceled) as due_canceled_meetings
    from bookings.meetings
    group by week_start_on
),

weeks as (
    select
        periods.period_start_on as week_start_on,
        periods.is_complete,
        coalesce(counts.bookings, 0) as bookings,
        coalesce(counts.canceled_meetings, 0) as canceled_meetings,
        coalesce(counts.delisted_meetings, 0) as delisted_meetings,
        coalesce(counts.upcoming_meetings, 0) as upcoming_meetings,
        coalesce(counts.in_progress_meetings, 0) as in_progress_meetings,
        coalesce(counts.elapsed_meetings, 0) as elapsed_meetings,
        coalesce(counts.due_meetings, 0) as due_meetings,
        coalesce(counts.due_canceled_meetings, 0) as due_canceled_meetings,
        counts.due_canceled_meetings / nullif(counts.due_meetings, 0) as cancel_rate,
        periods.is_complete and lag(periods.is_complete) over in_order as is_comparable
    from bookings.booking_periods as periods
    left join counts on periods.period_start_on = counts.week_start_on
    where periods.period = 'week'
    window in_order as (order by periods.period_start_on)
)

select
    week_start_on, -- the week's Monday; weeks go by booked_on, in bookings.time_zone
    bookings, -- meetings booked in the week, in every state
    canceled_meetings, -- of these, cancelled
    delisted_meetings, -- gone from Drift without being cancelled
    upcoming_meetings, -- still to start
    in_progress_meetings, -- started and not ended
    elapsed_meetings, -- whose time has passed, not cancelled
    due_meetings, -- whose start has passed, cancelled or not
    due_canceled_meetings, -- due and cancelled
    cancel_rate, -- due_canceled_meetings / due_meetings; null without due meetings
    is_complete, -- the week has ended, and every booking of it is known
    case when is_comparable then bookings - lag(bookings) over (order by week_start_on) end
        as bookings_difference, -- less those of the week before; null unless both are complete
    case when is_comparable then cancel_rate - lag(cancel_rate) over (order by week_start_on) end
        as cancel_rate_difference -- the same of cancel_rate, -1 to 1
from weeks
