-- Bookings of the 28 days up to today, of the 28 days before these, and of all other days.
-- grain: agent_key, meeting_source, meeting_type, period
with daily as (
    select
        bookings.*,
        case
            when date_diff('day', bookings.booked_on, now.today_on) between 0 and 27 then 'last'
            when date_diff('day', bookings.booked_on, now.today_on) between 28 and 55 then 'prior'
            else 'other'
        end as period
    from bookings.daily_bookings as bookings
    cross join bookings_internal.int_now as now
)

select
    coalesce(cast(agent_id as varchar), 'UNKNOWN')
        as agent_key, -- the agent's id as text; UNKNOWN for nobody
    meeting_source, -- where the meetings were booked
    meeting_type, -- the kind of meeting
    period, -- last, prior or other; report_health tells whether the first two can be compared
    sum(bookings) as bookings, -- meetings booked, in every state
    sum(canceled_meetings) as canceled_meetings, -- of these, cancelled
    sum(due_meetings) as due_meetings, -- whose start has passed, cancelled or not
    sum(due_canceled_meetings) as due_canceled_meetings, -- due and cancelled
    sum(rescheduled_meetings) as rescheduled_meetings, -- whose start ever moved
    sum(self_booked_meetings) as self_booked_meetings -- booked by the visitor alone
from daily
group by agent_id, meeting_source, meeting_type, period
