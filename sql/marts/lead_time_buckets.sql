-- How far ahead meetings are booked, and how many of them are cancelled. Days are calendar days in
-- bookings.time_zone: tomorrow morning is 1 day away, at whatever hour it is booked.
-- grain: lead_time_bucket
with buckets as (
    select 1 as bucket_number, '0-1 days' as lead_time_bucket
    union all
    select 2 as bucket_number, '2-7 days' as lead_time_bucket
    union all
    select 3 as bucket_number, '8-21 days' as lead_time_bucket
    union all
    select 4 as bucket_number, 'over 21 days' as lead_time_bucket
    union all
    select 5 as bucket_number, 'UNKNOWN' as lead_time_bucket
),

booked as (
    select
        is_canceled,
        is_due,
        case
            when meeting_on is null then 5
            when date_diff('day', booked_on, meeting_on) <= 1 then 1
            when date_diff('day', booked_on, meeting_on) <= 7 then 2
            when date_diff('day', booked_on, meeting_on) <= 21 then 3
            else 4
        end as bucket_number
    from bookings.meetings
)

select
    buckets.bucket_number, -- rank in reading order, from 1
    buckets.lead_time_bucket, -- days from booked_on to meeting_on; UNKNOWN without a start
    count(booked.bucket_number) as bookings, -- meetings booked, in every state
    count(*) filter (where booked.is_canceled) as canceled_meetings, -- of these, cancelled
    count(*) filter (where booked.is_due) as due_meetings, -- whose start has passed
    count(*) filter (where booked.is_due and booked.is_canceled)
        as due_canceled_meetings, -- due and cancelled
    count(*) filter (where booked.is_due and booked.is_canceled)
    / nullif(count(*) filter (where booked.is_due), 0)
        as cancel_rate -- due_canceled_meetings / due_meetings; null without due meetings
from buckets
left join booked on buckets.bucket_number = booked.bucket_number
group by buckets.bucket_number, buckets.lead_time_bucket
having buckets.bucket_number < 5 or count(booked.bucket_number) > 0
