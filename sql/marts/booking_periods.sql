-- The weeks and months of bookings, and the 56 days up to today: which of them are known whole.
-- Weeks without a booking are there too, but for holes of over 70 years (a wrong clock).
-- grain: period, period_start_on
with dated as (
    select distinct
        'booked' as kind,
        booked_on as day_on,
        cast(null as date) as to_on
    from bookings.meetings
    union all
    select
        'today' as kind,
        today_on as day_on,
        cast(null as date) as to_on
    from bookings_internal.int_now
    union all
    select
        'gap' as kind,
        cast(syncs.gap_from at time zone now.time_zone as date) as day_on,
        cast(syncs.gap_to at time zone now.time_zone as date) as to_on
    from bookings_internal.stg_syncs as syncs
    cross join bookings_internal.int_now as now
    where syncs.gap_from is not null
),

starts as (
    select
        kind,
        day_on,
        to_on,
        day_on - cast(date_diff('day', date '0001-01-01', day_on) % 7 as integer)
            as week_on, -- 0001-01-01 was a Monday
        cast(date_trunc('month', day_on) as date) as month_on
    from dated
),

weeks as (
    select
        min(case when kind = 'booked' then week_on end) as first_on,
        max(case when kind <> 'gap' then week_on end) as last_on
    from starts
),

periods as (
    select 'week' as period, week_on as start_on from starts where kind = 'booked'
    union distinct
    select 'week' as period, last_on - cast(weeks_ago * 7 as integer) as start_on
    from weeks
    cross join generate_series(0, 3660) as weeks_ago (weeks_ago)
    where weeks_ago * 7 <= date_diff('day', first_on, last_on)
    union distinct
    select 'month' as period, month_on as start_on from starts where kind = 'booked'
    union distinct
    select 'last_56_days' as period, day_on - 55 as start_on
    from starts
    where kind = 'today' and day_on is not null
),

-- the row of today has no gap, so every period meets a row
known as (
    select
        periods.period,
        periods.start_on,
        max(
            case
                when periods.start_on > gaps.to_on then 0
                when periods.period = 'week' and periods.start_on >= gaps.week_on then 1
                when periods.period = 'month' and periods.start_on >= gaps.month_on then 1
                when periods.period = 'last_56_days' and gaps.to_on is not null then 1
                else 0
            end
        ) as meets_gap
    from periods
    cross join starts as gaps
    where gaps.kind <> 'booked'
    group by periods.period, periods.start_on
)

select
    known.period, -- week, month or last_56_days
    known.start_on as period_start_on, -- its first day: a Monday, or the first of the month
    coalesce(known.start_on >= now.complete_from_on and known.meets_gap = 0, false)
        as is_known, -- every booking from its first day on is known
    coalesce(known.start_on >= now.complete_from_on and known.meets_gap = 0, false)
    and coalesce(known.period = 'week' and known.start_on < today.week_on, false)
    or coalesce(known.period = 'month' and known.start_on < today.month_on, false)
        as is_complete -- known, and ended by now
from known
cross join bookings_internal.int_now as now
cross join starts as today
where today.kind = 'today'
