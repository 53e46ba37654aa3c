-- The meetings that are not over and that nobody takes.
-- grain: meeting_id
select
    meetings.meeting_id, -- the meeting
    meetings.slot_start_at, -- when it starts (UTC); null while that is not known
    meetings.booked_at, -- when it was booked (UTC)
    date_diff('day', span.today_on, meetings.meeting_on)
        as days_ahead -- 0 = it starts today, 1 = tomorrow; null while that is not known
from bookings.meetings as meetings
cross join bookings_internal.report_span as span
where meetings.agent_id is null and meetings.meeting_state in ('upcoming', 'in_progress')
