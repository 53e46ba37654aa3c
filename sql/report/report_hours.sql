-- Bookings by weekday and hour of the start, on the visitor's clock: booking_hours, in parts.
-- grain: agent_key, meeting_source, meeting_type, local_weekday or null, local_hour or null
with starts as (
    select
        agent_id, meeting_source, meeting_type, is_canceled, is_due,
        cast(date_diff('day', date '0001-01-01', cast(local_start_at as date)) % 7 + 1 as integer)
            as local_weekday, -- 0001-01-01 was a Monday
        cast(extract(hour from local_start_at) as integer) as local_hour
    from bookings.meetings
)

select
    coalesce(cast(agent_id as varchar), 'UNKNOWN')
        as agent_key, -- the agent's id as text; UNKNOWN for nobody
    meeting_source, -- where the meetings were booked
    meeting_type, -- the kind of meeting
    local_weekday, -- 1 = Monday to 7 = Sunday; null where the start or the zone is unknown
    local_hour, -- 0 to 23; null likewise
    count(*) as bookings, -- meetings booked, in every state
    count(*) filter (where is_due) as due_meetings, -- whose start has passed, cancelled or not
    count(*) filter (where is_due and is_canceled) as due_canceled_meetings -- due and cancelled
from starts
group by agent_id, meeting_source, meeting_type, local_weekday, local_hour
