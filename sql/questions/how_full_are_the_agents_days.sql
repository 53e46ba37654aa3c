-- How full are the agents' days? Days with meetings among the last 28, without today.
select booked.agent_id, agents.agent_name, count(*) as days_with_meetings,
    sum(booked.meetings) as meetings, sum(booked.meetings) / count(*) as meetings_a_day,
    sum(booked.booked_hours) / count(*) as hours_a_day
from bookings.agent_days as booked cross join bookings.data_health as health
inner join bookings.agents as agents on booked.agent_id = agents.agent_id
where booked.meetings > 0
    and date_diff('day', booked.meeting_on, health.today_on) between 1 and 28
group by booked.agent_id, agents.agent_name order by hours_a_day desc, booked.agent_id asc
