-- Bookings by week, each beside the week before.
-- grain: one row per week, from the first booking's to today's (or the last booking's if later)
-- columns:
--   week_start_on: the week's Monday; weeks go by booked_on, in bookings.time_zone
--   bookings: meetings booked in the week, in every state
--   canceled_meetings: of these, cancelled
--   delisted_meetings: of these, gone from Drift without being cancelled
--   upcoming_meetings: of these, still to start
--   in_progress_meetings: of these, started and not ended
--   elapsed_meetings: of these, whose time has passed, not cancelled
--   cancel_rate: canceled_meetings / bookings, 0 to 1; null without bookings
--   bookings_change: bookings less those of the week before; null in the first week
--   canceled_meetings_change: canceled_meetings less those of the week before
--   delisted_meetings_change: delisted_meetings less those of the week before
--   upcoming_meetings_change: upcoming_meetings less those of the week before
--   in_progress_meetings_change: in_progress_meetings less those of the week before
--   elapsed_meetings_change: elapsed_meetings less those of the week before
--   cancel_rate_change: cancel_rate less that of the week before, in percentage points
-- Weeks without a booking are there, with zeros (but for holes of over 70 years: a wrong clock).
with booked as (
    select
        booked_on - cast(date_diff('day', date '0001-01-01', booked_on) % 7 as integer)
            as week_start_on, -- 0001-01-01 was a Monday
        meeting_state
    from bookings.meetings
),

counts as (
    select
        week_start_on,
        count(*) as bookings,
        count(case when meeting_state = 'canceled' then 1 end) as canceled_meetings,
        count(case when meeting_state = 'delisted' then 1 end) as delisted_meetings,
        count(case when meeting_state = 'upcoming' then 1 end) as upcoming_meetings,
        count(case when meeting_state = 'in_progress' then 1 end) as in_progress_meetings,
        count(case when meeting_state = 'elapsed' then 1 end) as elapsed_meetings
    from booked
    group by week_start_on
),

-- each week with bookings, and where the run of empty weeks behind it ends
runs as (
    select
        counts.*,
        coalesce(
            lead(counts.week_start_on) over (order by counts.week_start_on),
            case when now.today_on > counts.week_start_on then now.today_on + 1 end,
            counts.week_start_on + 1
        ) as until_on
    from counts
    cross join bookings.stg_now as now
),

weeks as (
    select
        week_start_on + cast(weeks_on * 7 as integer) as week_start_on,
        case when weeks_on = 0 then bookings else 0 end as bookings,
        case when weeks_on = 0 then canceled_meetings else 0 end as canceled_meetings,
        case when weeks_on = 0 then delisted_meetings else 0 end as delisted_meetings,
        case when weeks_on = 0 then upcoming_meetings else 0 end as upcoming_meetings,
        case when weeks_on = 0 then in_progress_meetings else 0 end as in_progress_meetings,
        case when weeks_on = 0 then elapsed_meetings else 0 end as elapsed_meetings
    from runs
    cross join generate_series(0, 3660) as weeks_on (weeks_on)
    where weeks_on * 7 < date_diff('day', week_start_on, until_on)
)

select
    week_start_on,
    bookings,
    canceled_meetings,
    delisted_meetings,
    upcoming_meetings,
    in_progress_meetings,
    elapsed_meetings,
    canceled_meetings / nullif(bookings, 0) as cancel_rate,
    bookings - lag(bookings) over in_order as bookings_change,
    canceled_meetings - lag(canceled_meetings) over in_order as canceled_meetings_change,
    delisted_meetings - lag(delisted_meetings) over in_order as delisted_meetings_change,
    upcoming_meetings - lag(upcoming_meetings) over in_order as upcoming_meetings_change,
    in_progress_meetings - lag(in_progress_meetings) over in_order as in_progress_meetings_change,
    elapsed_meetings - lag(elapsed_meetings) over in_order as elapsed_meetings_change,
    100.0 * (
        canceled_meetings / nullif(bookings, 0)
        - lag(canceled_meetings / nullif(bookings, 0)) over in_order
    ) as cancel_rate_change
from weeks
window in_order as (order by week_start_on)
order by week_start_on
