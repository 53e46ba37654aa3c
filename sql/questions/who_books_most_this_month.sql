-- Who books most this month?
select
    meetings.agent_id,
    agents.agent_name,
    count(*) as bookings
from bookings.meetings as meetings
cross join bookings.stg_now as now
left join bookings.agents as agents on meetings.agent_id = agents.agent_id
where date_trunc('month', meetings.booked_on) = date_trunc('month', now.today_on)
group by meetings.agent_id, agents.agent_name
order by bookings desc, meetings.agent_id asc
