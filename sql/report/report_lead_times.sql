-- Bookings by the days from booking to meeting: lead_time_buckets, in parts.
-- grain: agent_key, meeting_source, meeting_type, bucket_number
select
    coalesce(cast(meetings.agent_id as varchar), 'UNKNOWN')
        as agent_key, -- the agent's id as text; UNKNOWN for nobody
    meetings.meeting_source, -- where the meetings were booked
    meetings.meeting_type, -- the kind of meeting
    lead_times.bucket as bucket_number, -- as in lead_time_buckets, which has its name
    count(*) as bookings, -- meetings booked, in every state
    count(*) filter (where meetings.is_due)
        as due_meetings, -- whose start has passed, cancelled or not
    count(*) filter (where meetings.is_due and meetings.is_canceled)
        as due_canceled_meetings -- due and cancelled
from bookings.meetings as meetings
inner join bookings_internal.int_lead_times as lead_times
    on meetings.meeting_id = lead_times.meeting_id
group by
    meetings.agent_id, meetings.meeting_source, meetings.meeting_type, lead_times.bucket
