-- Whose meetings are canceled late? Less than 24 hours before their start, or after it.
select agent_id, agent_name, late_canceled_meetings, due_meetings, late_cancel_rate
from bookings.bookings_by_agent
where late_canceled_meetings > 0
order by late_canceled_meetings desc, late_cancel_rate desc, agent_id asc
limit 20
