-- A rate is a share: never below 0, never above 1.
with rates as (
    select
        dimension as table_part,
        group_key as row_key,
        cancel_rate,
        reschedule_rate,
        self_booked_rate,
        bookings_share
    from bookings.stg_booking_groups
    union all
    select
        'weekly_bookings' as table_part,
        cast(week_start_on as varchar) as row_key,
        cancel_rate,
        null as reschedule_rate,
        null as self_booked_rate,
        null as bookings_share
    from bookings.weekly_bookings
    union all
    select
        'booking_hours' as table_part,
        cast(local_weekday * 100 + local_hour as varchar) as row_key,
        cancel_rate,
        null as reschedule_rate,
        null as self_booked_rate,
        null as bookings_share
    from bookings.booking_hours
    union all
    select
        'lead_time_buckets' as table_part,
        lead_time_bucket as row_key,
        cancel_rate,
        null as reschedule_rate,
        null as self_booked_rate,
        null as bookings_share
    from bookings.lead_time_buckets
)

select
    table_part,
    row_key,
    cancel_rate,
    reschedule_rate,
    self_booked_rate,
    bookings_share
from rates
where
    not cancel_rate between 0 and 1
    or not reschedule_rate between 0 and 1
    or not self_booked_rate between 0 and 1
    or not bookings_share between 0 and 1
