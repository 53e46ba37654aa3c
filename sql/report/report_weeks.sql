-- Bookings by the week in which they were made, as the meetings are now.
-- grain: agent_key, meeting_source, meeting_type, week_number
with days as (
    select
        booked.booked_on,
        case
            when booked.booked_week_on > now.today_on then 0
            else coalesce(calendar.week_number, 27)
        end as week_number
    from (select distinct booked_on, booked_week_on from bookings.meetings) as booked
    cross join bookings_internal.int_now as now
    left join bookings_internal.report_calendar as calendar
        on booked.booked_week_on = calendar.week_start_on
)

select
    coalesce(cast(daily.agent_id as varchar), 'UNKNOWN')
        as agent_key, -- the agent's id as text; UNKNOWN for nobody
    daily.meeting_source, -- where the meetings were booked
    daily.meeting_type, -- the kind of meeting
    days.week_number, -- the week, as in report_calendar
    sum(daily.bookings) as bookings, -- meetings booked, in every state
    sum(daily.elapsed_meetings) as elapsed_meetings, -- whose time has passed, not cancelled
    sum(daily.in_progress_meetings) as in_progress_meetings, -- started and not ended
    sum(daily.upcoming_meetings) as upcoming_meetings, -- still to start
    sum(daily.canceled_meetings) as canceled_meetings, -- cancelled
    sum(daily.delisted_meetings) as delisted_meetings, -- gone from Drift without being cancelled
    sum(daily.due_meetings) as due_meetings, -- whose start has passed, cancelled or not
    sum(daily.due_canceled_meetings) as due_canceled_meetings -- due and cancelled
from bookings.daily_bookings as daily
inner join days on daily.booked_on = days.booked_on
group by daily.agent_id, daily.meeting_source, daily.meeting_type, days.week_number
