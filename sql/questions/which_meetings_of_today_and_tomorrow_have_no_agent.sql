-- Which meetings of today and tomorrow have no agent?
select ahead.slot_start_at, ahead.meeting_id, ahead.visitor_company, ahead.meeting_source
from bookings.meetings as ahead
cross join bookings.data_health as health
where ahead.meeting_state = 'upcoming' and ahead.agent_id is null
    and ahead.meeting_on <= health.today_on + 1
order by ahead.slot_start_at asc, ahead.meeting_id asc
