-- What share of bookings is for the next two days? The next 48 hours, by source.
select
    meeting_source, count(*) as bookings,
    count(*) filter (where lead_time_hours between 0 and 48) / count(*) as two_days_share
from bookings.meetings
where lead_time_hours is not null
group by meeting_source
order by two_days_share desc, meeting_source asc
