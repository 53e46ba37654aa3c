-- Every table that counts bookings adds up to the rows of meetings.
with totals as (
    select
        'daily_bookings' as table_name,
        sum(bookings) as bookings
    from bookings.daily_bookings
    union all
    select
        'bookings_by_agent' as table_name,
        sum(bookings) as bookings
    from bookings.bookings_by_agent
    union all
    select
        'bookings_by_source' as table_name,
        sum(bookings) as bookings
    from bookings.bookings_by_source
    union all
    select
        'bookings_by_meeting_type' as table_name,
        sum(bookings) as bookings
    from bookings.bookings_by_meeting_type
    union all
    select
        'bookings_by_playbook' as table_name,
        sum(bookings) as bookings
    from bookings.bookings_by_playbook
    union all
    select
        'weekly_bookings' as table_name,
        sum(bookings) as bookings
    from bookings.weekly_bookings
    union all
    select
        'booking_hours' as table_name,
        sum(bookings) as bookings
    from bookings.booking_hours
    union all
    select
        'lead_time_buckets' as table_name,
        sum(bookings) as bookings
    from bookings.lead_time_buckets
),

counts as (
    select count(*) as meetings
    from bookings.meetings
)

select
    totals.table_name,
    coalesce(totals.bookings, 0) as bookings,
    counts.meetings
from totals
cross join counts
where coalesce(totals.bookings, 0) <> counts.meetings
