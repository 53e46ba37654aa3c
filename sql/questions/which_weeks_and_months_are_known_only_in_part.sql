-- Which weeks and months are known only in part? Those with is_known have only not ended yet.
select periods.period, periods.period_start_on, periods.is_known, health.complete_from_on
from bookings.booking_periods as periods
cross join bookings.data_health as health
where periods.period in ('week', 'month') and not periods.is_complete
order by periods.period asc, periods.period_start_on asc
