-- Who is double-booked? Both meetings of each pair that is not over, and the minutes they share.
select later.agent_id, later.agent_name, earlier.meeting_id as earlier_meeting_id,
    earlier.slot_start_at as earlier_start_at, later.meeting_id as later_meeting_id,
    later.slot_start_at as later_start_at, later.overlap_minutes
from bookings.agent_conflicts as later
inner join bookings.meetings as earlier on later.other_meeting_id = earlier.meeting_id
order by later.slot_start_at asc, later.meeting_id asc, later.other_meeting_id asc
