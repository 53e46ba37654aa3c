-- How far ahead each meeting is booked, by lead_time_buckets.
-- grain: meeting_id
-- materialized: view
select
    meeting_id, -- the meeting
    is_canceled, -- whether it is canceled
    is_due, -- whether its start has passed
    case
        when meeting_on is null then 5
        when date_diff('day', booked_on, meeting_on) <= 1 then 1
        when date_diff('day', booked_on, meeting_on) <= 7 then 2
        when date_diff('day', booked_on, meeting_on) <= 21 then 3
        else 4
    end as bucket -- rank of its bucket in reading order; 5 without a start
from bookings_internal.int_meeting_states
