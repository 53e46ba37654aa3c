-- Which sources are growing? The 28 days that end yesterday, against the 28 days before.
select meeting_source, bookings_last_28_days, bookings_prior_28_days, bookings_change
from bookings.bookings_by_source
where bookings_change is not null
order by bookings_change desc, meeting_source asc
