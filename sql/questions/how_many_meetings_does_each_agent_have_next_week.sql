-- How many meetings does each agent have next week? From Monday to Sunday.
select booked.agent_id, booked.agent_name, count(*) as meetings, min(booked.meeting_on) as first_on
from bookings.meetings as booked
cross join bookings.data_health as health
where not booked.is_lost and date_diff('day', health.today_on, booked.meeting_on)
    + date_diff('day', date '0001-01-01', health.today_on) % 7 between 7 and 13 -- it was a Monday
group by booked.agent_id, booked.agent_name
order by meetings desc, booked.agent_id asc
