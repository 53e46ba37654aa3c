-- The five states of every row add up to its bookings, and what is due and canceled to no more.
with states as (
    select
        'booking_metrics' as table_name,
        dimension || ' ' || group_key as row_key,
        bookings,
        due_meetings,
        due_canceled_meetings,
        canceled_meetings + delisted_meetings + upcoming_meetings + in_progress_meetings
        + elapsed_meetings as in_a_state
    from bookings.booking_metrics
    union all
    select
        'booking_trends' as table_name,
        dimension || ' ' || group_key as row_key,
        bookings,
        due_meetings,
        due_canceled_meetings,
        canceled_meetings + delisted_meetings + upcoming_meetings + in_progress_meetings
        + elapsed_meetings as in_a_state
    from bookings.booking_trends
    union all
    select
        'daily_bookings' as table_name,
        cast(booked_on as varchar) as row_key,
        bookings,
        due_meetings,
        due_canceled_meetings,
        canceled_meetings + delisted_meetings + upcoming_meetings + in_progress_meetings
        + elapsed_meetings as in_a_state
    from bookings.daily_bookings
)

select
    table_name,
    row_key,
    bookings,
    in_a_state,
    due_meetings,
    due_canceled_meetings
from states
where
    bookings <> in_a_state
    or due_meetings > bookings
    or due_canceled_meetings > due_meetings
