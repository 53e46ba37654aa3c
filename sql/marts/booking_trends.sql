-- Each group's bookings by week and by month, as the meetings are now.
-- grain: period, period_start_on, dimension, group_key
-- looked up by: dimension, group_key
with days as (
    select
        booked_on,
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
    group by booked_on, dimension, group_key
),

dated as (
    select
        'week' as period,
        booked_on - cast(date_diff('day', date '0001-01-01', booked_on) % 7 as integer)
            as period_start_on, -- 0001-01-01 was a Monday
        days.*
    from days
    union all
    select
        'month' as period,
        cast(date_trunc('month', booked_on) as date) as period_start_on,
        days.*
    from days
)

select
    dated.period, -- week or month
    dated.period_start_on, -- its Monday, or the first of the month, in bookings.time_zone
    dated.dimension, -- all, agent, source, meeting_type, team or playbook
    dated.group_key, -- the id as text, the source or the type; UNKNOWN where absent
    min(dated.group_name) as group_name, -- what a person would call it
    cast(sum(dated.bookings) as bigint) as bookings, -- booked in the period, in every state
    cast(sum(dated.canceled_meetings) as bigint) as canceled_meetings, -- of these, cancelled
    cast(sum(dated.delisted_meetings) as bigint)
        as delisted_meetings, -- gone from Drift without being cancelled
    cast(sum(dated.upcoming_meetings) as bigint) as upcoming_meetings, -- still to start
    cast(sum(dated.in_progress_meetings) as bigint)
        as in_progress_meetings, -- started and not ended
    cast(sum(dated.elapsed_meetings) as bigint)
        as elapsed_meetings, -- whose time has passed, not cancelled
    cast(sum(dated.due_meetings) as bigint) as due_meetings, -- whose start has passed
    cast(sum(dated.due_canceled_meetings) as bigint)
        as due_canceled_meetings, -- due and cancelled
    sum(dated.due_canceled_meetings) / nullif(sum(dated.due_meetings), 0)
        as cancel_rate, -- due_canceled_meetings / due_meetings
    periods.is_complete -- the period has ended, and every booking of it is known
from dated
inner join bookings.booking_periods as periods
    on dated.period = periods.period and dated.period_start_on = periods.period_start_on
group by
    dated.period,
    dated.period_start_on,
    dated.dimension,
    dated.group_key,
    periods.is_complete
