-- Who took over whose meetings?
select was.agent_id as from_agent_id, was.agent_name as from_name,
    became.agent_id as to_agent_id, became.agent_name as to_name, count(*) as takeovers
from bookings.meeting_events as moves
inner join bookings.agents as was on moves.from_value = cast(was.agent_id as varchar)
inner join bookings.agents as became on moves.to_value = cast(became.agent_id as varchar)
where moves.event_type = 'reassigned'
group by was.agent_id, was.agent_name, became.agent_id, became.agent_name
order by takeovers desc, was.agent_id asc, became.agent_id asc limit 20
