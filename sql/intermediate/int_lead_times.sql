-- How far ahead each meeting is booked. Days are calendar days in bookings.time_zone: tomorrow
-- morning is 1 day away, at whatever hour it is booked. lead_time_buckets has the names of buckets.
-- grain: meeting_id
select
    meeting_id, -- the meeting
    is_canceled, -- whether it is cancelled
    is_due, -- whether its start has passed
    case
        when meeting_on is null then 5
        when date_diff('day', booked_on, meeting_on) <= 1 then 1
        when date_diff('day', booked_on, meeting_on) <= 7 then 2
        when date_diff('day', booked_on, meeting_on) <= 21 then 3
        else 4
    end as bucket -- rank of its bucket in reading order; 5 without a start
from bookings_internal.int_meeting_states
