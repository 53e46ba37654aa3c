-- What changed yesterday?
select
    events.event_type,
    count(*) as events
from bookings.meeting_events as events
cross join bookings.stg_now as now
where cast(events.occurred_at at time zone now.time_zone as date) = now.today_on - 1
group by events.event_type
order by events desc, events.event_type asc
