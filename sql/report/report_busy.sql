-- What the agents have today and tomorrow, beside their usual day.
-- grain: agent_key
with days as (
    select
        booked.agent_id,
        booked.meetings,
        booked.booked_hours,
        date_diff('day', booked.meeting_on, span.today_on) as days_ago
    from bookings.agent_days as booked
    cross join bookings_internal.report_span as span
    where booked.meetings > 0
)

select
    agents.agent_key, -- the agent's id as text
    agents.agent_name, -- what the report calls the agent
    sum(case when days.days_ago = 0 then days.meetings else 0 end)
        as today_meetings, -- today's, neither canceled nor delisted
    sum(case when days.days_ago = 0 then days.booked_hours else 0 end)
        as today_hours, -- their durations
    sum(case when days.days_ago = -1 then days.meetings else 0 end)
        as tomorrow_meetings, -- tomorrow's
    sum(case when days.days_ago = -1 then days.booked_hours else 0 end)
        as tomorrow_hours, -- their durations
    avg(case when days.days_ago between 1 and 28 then cast(days.meetings as double) end)
        as usual_meetings -- of a day with meetings, in the 28 that end yesterday; null without one
from days
inner join bookings_internal.report_agents as agents
    on cast(days.agent_id as varchar) = agents.agent_key
where days.days_ago between -1 and 28
group by agents.agent_key, agents.agent_name
having sum(case when days.days_ago <= 0 then days.meetings else 0 end) > 0
