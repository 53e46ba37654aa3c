-- The weeks of the report, newest first: 26 one by one, this one included, those after them, by a
-- clock that is ahead, and those before them. Before the first sync all weeks are earlier ones.
-- grain: week_number
select
    row_number() over (order by weeks.period_start_on desc)
        as week_number, -- rank in reading order, 1 for this week; 0 for later, 27 for earlier ones
    weeks.period_start_on as week_start_on, -- its Monday; null for later and earlier ones
    weeks.is_complete -- it has ended, and every booking of it is known; null likewise
from bookings.booking_periods as weeks
cross join bookings_internal.int_now as now
where
    weeks.period = 'week'
    and date_diff('day', weeks.period_start_on, now.today_on) between 0 and 7 * 26 - 1
union all
select 0 as week_number, cast(null as date) as week_start_on, cast(null as boolean) as is_complete
union all
select 27 as week_number, cast(null as date) as week_start_on, cast(null as boolean) as is_complete
