-- How often are each agent's meetings canceled? By month of the meeting, over due meetings.
select
    cast(date_trunc('month', meeting_on) as date) as meeting_month_on, agent_id, agent_name,
    count(*) as due_meetings, count(*) filter (where is_canceled) as due_canceled_meetings,
    count(*) filter (where is_canceled) / count(*) as cancel_rate
from bookings.meetings where is_due
group by cast(date_trunc('month', meeting_on) as date), agent_id, agent_name
order by meeting_month_on desc, cancel_rate desc, agent_id asc
