-- How far ahead meetings are booked, in calendar days: tomorrow morning is 1 day away.
-- grain: lead_time_bucket
select
    bucket_number, -- rank in reading order, from 1
    case bucket_number
        when 1 then '0-1 days' when 2 then '2-7 days' when 3 then '8-21 days'
        when 4 then 'over 21 days' else 'UNKNOWN'
    end as lead_time_bucket, -- days from booked_on to meeting_on; UNKNOWN without a start
    count(booked.bucket) as bookings, -- meetings booked, in every state
    count(*) filter (where booked.is_canceled) as canceled_meetings, -- of these, canceled
    count(*) filter (where booked.is_due) as due_meetings, -- whose start has passed
    count(*) filter (where booked.is_due and booked.is_canceled)
        as due_canceled_meetings, -- due and canceled
    count(*) filter (where booked.is_due and booked.is_canceled)
    / nullif(count(*) filter (where booked.is_due), 0)
        as cancel_rate -- due_canceled_meetings / due_meetings; null without due meetings
from generate_series(1, 5) as bucket_number (bucket_number)
left join bookings_internal.int_lead_times as booked on bucket_number = booked.bucket
group by bucket_number
having bucket_number < 5 or count(booked.bucket) > 0
