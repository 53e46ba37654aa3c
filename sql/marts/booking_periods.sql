-- The weeks and months of bookings, and the 56 days that end yesterday: which are known whole.
-- Weeks without a booking are there too, but for holes of over 70 years (a wrong clock).
-- grain: period, period_start_on
with span as (
    select
        min(meetings.booked_week_on) as first_on,
        max(greatest(meetings.booked_on, coalesce(now.today_on, meetings.booked_on))) as last_on
    from bookings.meetings as meetings
    cross join bookings_internal.int_now as now
),

periods as (
    select 'week' as period, booked_week_on as start_on from bookings.meetings
    union distinct
    select 'month' as period, booked_month_on as start_on from bookings.meetings
    union distinct
    select 'week' as period, last_on - cast(
        date_diff('day', date '0001-01-01', last_on) % 7 + weeks_ago * 7 as integer
    ) as start_on -- 0001-01-01 was a Monday
    from span
    cross join generate_series(0, 3660) as weeks_ago (weeks_ago)
    where weeks_ago * 7 <= date_diff('day', first_on, last_on)
    union distinct
    select 'last_56_days' as period, today_on - 56 as start_on
    from bookings_internal.int_now where today_on is not null
),

-- the days of which bookings may be missing; one row of nulls, so that there always is one
gaps as (
    select
        cast(syncs.gap_from at time zone now.time_zone as date) as from_on,
        cast(syncs.gap_to at time zone now.time_zone as date) as to_on
    from bookings_internal.stg_syncs as syncs
    cross join bookings_internal.int_now as now
    where syncs.gap_from is not null
    union all
    select cast(null as date) as from_on, cast(null as date) as to_on
),

known as (
    select
        periods.period, periods.start_on,
        max(
            case
                when periods.start_on > gaps.to_on then 0
                when periods.start_on >= gaps.from_on then 1
                when periods.period = 'week'
                    then case when date_diff('day', periods.start_on, gaps.from_on) < 7 then 1 end
                when periods.period = 'month'
                    then case when periods.start_on >= date_trunc('month', gaps.from_on) then 1 end
                when date_diff('day', periods.start_on, gaps.from_on) < 56 then 1
            end
        ) as meets_gap
    from periods
    cross join gaps
    group by periods.period, periods.start_on
)

select
    known.period, -- week, month or last_56_days
    known.start_on as period_start_on, -- its first day: a Monday, or the first of the month
    coalesce(known.start_on >= now.complete_from_on and coalesce(known.meets_gap, 0) = 0, false)
        as is_known, -- every booking from its first day on is known
    coalesce(
        known.start_on >= now.complete_from_on
        and coalesce(known.meets_gap, 0) = 0
        and case
            when known.period = 'week' then date_diff('day', known.start_on, now.today_on) > 6
            when known.period = 'month' then known.start_on < date_trunc('month', now.today_on)
            else true
        end,
        false
    ) as is_complete -- known, and ended by now
from known
cross join bookings_internal.int_now as now
