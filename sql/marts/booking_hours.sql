-- When visitors like to meet: bookings by weekday and hour of the start, on the visitor's clock.
-- grain: one row per local_weekday and local_hour
-- columns:
--   local_weekday: day of the week of the start, 1 = Monday to 7 = Sunday
--   local_hour: hour of the start, 0 to 23
--   bookings: meetings booked, in every state
--   canceled_meetings: of these, cancelled
--   cancel_rate: canceled_meetings / bookings, 0 to 1
-- Meetings without a start, or whose visitor's zone is unknown, are in one row of nulls.
with starts as (
    select
        is_canceled,
        cast(
            date_diff('day', date '0001-01-01', cast(local_start_at as date)) % 7 + 1 as integer
        ) as local_weekday, -- 0001-01-01 was a Monday
        cast(extract(hour from local_start_at) as integer) as local_hour
    from bookings.meetings
)

select
    local_weekday,
    local_hour,
    count(*) as bookings,
    count(case when is_canceled then 1 end) as canceled_meetings,
    count(case when is_canceled then 1 end) / nullif(count(*), 0) as cancel_rate
from starts
group by local_weekday, local_hour
order by local_weekday nulls last, local_hour nulls last
