-- What changed yesterday? Delisted counts on the day of the read that missed it.
select changes.event_type, count(*) as events, count(distinct changes.meeting_id) as meetings
from bookings.meeting_events as changes
cross join bookings.data_health as health
where cast(changes.occurred_at at time zone health.time_zone as date) = health.today_on - 1
group by changes.event_type
order by events desc, changes.event_type asc
