-- The days that the report holds, Mondays first: a year of them, or fewer where these have over
-- 150,000 bookings, but eight weeks at least. Without any sync, they end with the newest booking.
-- grain: one row
with days as (
    select
        booked_week_on,
        sum(count(*)) over (order by booked_week_on desc rows unbounded preceding) as bookings_since
    from bookings.meetings
    group by booked_week_on
),

weeks as (
    select
        min(booked_week_on) as oldest_on,
        max(booked_week_on) as newest_on,
        min(booked_week_on) filter (where bookings_since <= 150000) as affordable_on
    from days
),

today as (
    select
        weeks.*,
        coalesce(now.today_on, weeks.newest_on + 6) as today_on
    from weeks cross join bookings_internal.int_now as now
)

select
    today_on, -- the last of the days: that of the newest sync
    today_on - cast(date_diff('day', date '0001-01-01', today_on) % 7 as integer)
        as this_week_on, -- its Monday; 0001-01-01 was one
    case
        when oldest_on >= today_on - 55 then oldest_on
        when coalesce(affordable_on, today_on) > today_on - 55
            then today_on - cast(date_diff('day', date '0001-01-01', today_on) % 7 + 56 as integer)
        when affordable_on < today_on - 364
            then today_on - cast(date_diff('day', date '0001-01-01', today_on) % 7 + 364 as integer)
        else affordable_on
    end as first_on, -- the first of them, a Monday; null without a booking
    coalesce(oldest_on, today_on) as oldest_on -- the Monday of the oldest booking known
from today
