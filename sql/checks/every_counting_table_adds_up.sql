-- Every table that counts bookings adds up to the rows of meetings; by team, some count twice.
with totals as (
    select 'booking_metrics by ' || dimension as table_name, sum(bookings) as bookings
    from bookings.booking_metrics
    where dimension <> 'team'
    group by dimension
    union all
    select
        'booking_trends by ' || period || ' and ' || dimension as table_name,
        sum(bookings) as bookings
    from bookings.booking_trends
    where dimension <> 'team'
    group by period, dimension
    union all
    select 'daily_bookings' as table_name, sum(bookings) as bookings from bookings.daily_bookings
    union all
    select 'weekly_bookings' as table_name, sum(bookings) as bookings from bookings.weekly_bookings
    union all
    select 'booking_hours' as table_name, sum(bookings) as bookings from bookings.booking_hours
    union all
    select 'lead_time_buckets' as table_name, sum(bookings) as bookings
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
