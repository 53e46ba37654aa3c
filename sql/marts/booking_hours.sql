-- When visitors meet: bookings by weekday and hour of the start, on the visitor's clock. Meetings
-- without a start, or whose visitor's zone is unknown, are in one row of nulls.
-- grain: local_weekday or null, local_hour or null
with starts as (
    select
        is_canceled, is_due,
        cast(date_diff('day', date '0001-01-01', cast(local_start_at as date)) % 7 + 1 as integer)
            as local_weekday, -- 0001-01-01 was a Monday
        cast(extract(hour from local_start_at) as integer) as local_hour
    from bookings.meetings
)

select
    local_weekday, -- day of the week of the start, 1 = Monday to 7 = Sunday
    local_hour, -- hour of the start, 0 to 23
    count(*) as bookings, -- meetings booked, in every state
    count(*) filter (where is_canceled) as canceled_meetings, -- of these, canceled
    count(*) filter (where is_due) as due_meetings, -- whose start has passed, canceled or not
    count(*) filter (where is_due and is_canceled) as due_canceled_meetings, -- due and canceled
    count(*) filter (where is_due and is_canceled) / nullif(count(*) filter (where is_due), 0)
        as cancel_rate -- due_canceled_meetings / due_meetings; null without due meetings
from starts
group by local_weekday, local_hour
