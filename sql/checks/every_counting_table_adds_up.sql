-- Every table that counts bookings adds up to the rows of meetings; by team, some count twice.
with dimensions as (
    select distinct dimension
    from bookings.meeting_groups
    where dimension <> 'team'
),

totals as (
    select
        'booking_metrics by ' || dimensions.dimension as table_name,
        sum(metrics.bookings) as bookings
    from dimensions
    left join bookings.booking_metrics as metrics on dimensions.dimension = metrics.dimension
    group by dimensions.dimension
    union all
    select
        'booking_trends by week and ' || dimensions.dimension as table_name,
        sum(trends.bookings) as bookings
    from dimensions
    left join bookings.booking_trends as trends
        on dimensions.dimension = trends.dimension and trends.period = 'week'
    group by dimensions.dimension
    union all
    select
        'booking_trends by month and ' || dimensions.dimension as table_name,
        sum(trends.bookings) as bookings
    from dimensions
    left join bookings.booking_trends as trends
        on dimensions.dimension = trends.dimension and trends.period = 'month'
    group by dimensions.dimension
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
