-- The weeks of the report, newest first.
-- grain: week_start_on
select
    weeks.period_start_on as week_start_on, -- its Monday
    date_diff('day', weeks.period_start_on, span.today_on) as days_ago, -- of that Monday
    weeks.is_complete -- it has ended, and every booking of it is known
from bookings.booking_periods as weeks
cross join bookings_internal.report_span as span
where weeks.period = 'week' and weeks.period_start_on >= span.first_on
