-- How far ahead meetings are booked, and how many of them are cancelled.
-- grain: one row per lead_time_bucket
-- columns:
--   bucket_number: place in reading order, from 1; 5 for UNKNOWN
--   lead_time_bucket: days from booked_on to meeting_on; UNKNOWN where the meeting has no start
--   bookings: meetings booked, in every state
--   canceled_meetings: of these, cancelled
--   cancel_rate: canceled_meetings / bookings, 0 to 1; null without bookings
-- Days are calendar days in bookings.time_zone: tomorrow morning is 1 day away, at whatever hour it
-- is booked. A meeting booked after its start is in 0-1 days. UNKNOWN is there only when needed.
with buckets as (
    select
        1 as bucket_number,
        '0-1 days' as lead_time_bucket
    union all
    select
        2 as bucket_number,
        '2-7 days' as lead_time_bucket
    union all
    select
        3 as bucket_number,
        '8-21 days' as lead_time_bucket
    union all
    select
        4 as bucket_number,
        'over 21 days' as lead_time_bucket
    union all
    select
        5 as bucket_number,
        'UNKNOWN' as lead_time_bucket
),

booked as (
    select
        is_canceled,
        case
            when meeting_on is null then 5
            when date_diff('day', booked_on, meeting_on) <= 1 then 1
            when date_diff('day', booked_on, meeting_on) <= 7 then 2
            when date_diff('day', booked_on, meeting_on) <= 21 then 3
            else 4
        end as bucket_number
    from bookings.meetings
),

counts as (
    select
        bucket_number,
        count(*) as bookings,
        count(case when is_canceled then 1 end) as canceled_meetings
    from booked
    group by bucket_number
)

select
    buckets.bucket_number,
    buckets.lead_time_bucket,
    coalesce(counts.bookings, 0) as bookings,
    coalesce(counts.canceled_meetings, 0) as canceled_meetings,
    counts.canceled_meetings / nullif(counts.bookings, 0) as cancel_rate
from buckets
left join counts on buckets.bucket_number = counts.bucket_number
where buckets.bucket_number < 5 or counts.bookings > 0
order by buckets.bucket_number
