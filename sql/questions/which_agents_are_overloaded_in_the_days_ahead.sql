-- Which agents are overloaded in the days ahead? Those with most booked hours in the next 7 days.
select ahead.agent_id, agents.agent_name, sum(ahead.booked_hours) as booked_hours,
    max(ahead.booked_hours) as hours_on_the_busiest_day
from bookings.agent_days as ahead
inner join bookings.agents as agents on ahead.agent_id = agents.agent_id
cross join bookings.data_health as health
where date_diff('day', health.today_on, ahead.meeting_on) between 1 and 7 and ahead.meetings > 0
group by ahead.agent_id, agents.agent_name
order by booked_hours desc, ahead.agent_id asc limit 20
