-- Whose meetings are canceled late? Less than 24 hours before their start, or after it.
select agent_id, agent_name, due_late_canceled_meetings, due_meetings, late_cancel_rate
from bookings.bookings_by_agent
where due_late_canceled_meetings > 0
order by late_cancel_rate desc, due_meetings desc, agent_id asc
limit 20
