-- Each group's bookings by week and by month, as the meetings are now.
-- grain: period, period_start_on, dimension, group_key
with counts as (
    select
        case when booked_week_on is null then 'month' else 'week' end as period,
        coalesce(booked_week_on, booked_month_on) as period_start_on,
        dimension,
        group_key,
        min(group_name) as group_name,
        count(*) as bookings,
        count(*) filter (where meeting_state = 'canceled') as canceled_meetings,
        count(*) filter (where meeting_state = 'delisted') as delisted_meetings,
        count(*) filter (where meeting_state = 'upcoming') as upcoming_meetings,
        count(*) filter (where meeting_state = 'in_progress') as in_progress_meetings,
        count(*) filter (where meeting_state = 'elapsed') as elapsed_meetings,
        count(*) filter (where is_due) as due_meetings,
        count(*) filter (where is_due and is_canceled) as due_canceled_meetings
    from bookings.meeting_groups
    group by grouping sets (
        (booked_week_on, dimension, group_key), (booked_month_on, dimension, group_key))
)

select
    counts.period, -- week or month
    counts.period_start_on, -- its Monday, or the first of the month, in bookings.time_zone
    counts.dimension, -- what meetings are grouped by, such as agent; all for all of them
    counts.group_key, -- the group: an id as text, a source, a type; UNKNOWN where absent
    counts.group_name, -- what a person would call it
    counts.bookings, -- meetings booked in the period, in every state
    counts.canceled_meetings, -- of these, canceled
    counts.delisted_meetings, -- gone from Drift without being canceled
    counts.upcoming_meetings, -- still to start
    counts.in_progress_meetings, -- started and not ended
    counts.elapsed_meetings, -- whose time has passed, not canceled
    counts.due_meetings, -- whose start has passed, canceled or not
    counts.due_canceled_meetings, -- due and canceled
    counts.due_canceled_meetings / nullif(counts.due_meetings, 0)
        as cancel_rate, -- due_canceled_meetings / due_meetings; null without due meetings
    periods.is_complete -- the period has ended, and every booking of it is known
from counts
inner join bookings.booking_periods as periods
    on counts.period = periods.period and counts.period_start_on = periods.period_start_on
