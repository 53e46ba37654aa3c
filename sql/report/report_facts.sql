-- The meetings that were booked, or start, in the days of the report, and what became of each. The
-- page holds their sums, and nothing else of them but for the lists. Its columns decide what that
-- is: a column …_key is something to filter and group by, named as the dimension is in
-- booking_metrics; a column …_meetings or …_losses is a count. Counts whose names begin with due_
-- or observed_ stand on the day of the start, settled_ on that of the decision, the others on that
-- of the booking.
-- grain: meeting_id
select
    meetings.meeting_id, -- the meeting
    date_diff('day', meetings.booked_on, span.today_on)
        as booked_days_ago, -- days since it was booked; below 0 by a clock that is ahead
    date_diff('day', meetings.meeting_on, span.today_on)
        as starts_days_ago, -- days since its start; below 0 where it lies ahead; null if unknown
    case when meetings.is_settled_loss then date_diff(
        'day', cast(states.rebookable_until_at at time zone now.time_zone as date), span.today_on
    ) end as settled_days_ago, -- days since the end of the 14 in which its visitor could book again
    coalesce(cast(meetings.agent_id as varchar), 'UNKNOWN') as agent_key, -- the agent
    meetings.meeting_source as source_key, -- where it was booked
    meetings.meeting_type as meeting_type_key, -- the kind of meeting
    coalesce(meetings.playbook_id, 'UNKNOWN') as playbook_key, -- the playbook
    buckets.lead_time_bucket as lead_time_key, -- how far ahead it was booked
    cast(
        date_diff('day', date '0001-01-01', cast(meetings.local_start_at as date)) % 7 + 1
        as integer
    ) as local_weekday, -- of the start on the visitor's clock, 1 = Monday; 0001-01-01 was one
    cast(extract(hour from meetings.local_start_at) as integer) as local_hour, -- likewise, 0 to 23
    meetings.meeting_state, -- canceled, delisted, upcoming, in_progress or elapsed
    case when meetings.is_due then 1 else 0 end as due_meetings, -- its start has passed
    case when meetings.is_due and meetings.is_canceled then 1 else 0 end
        as due_canceled_meetings, -- due and canceled
    case when meetings.is_due and meetings.is_late_canceled then 1 else 0 end
        as due_late_canceled_meetings, -- due, and canceled less than 24 hours before its start
    case when meetings.is_due and meetings.is_observed then 1 else 0 end
        as observed_due_meetings, -- due, and every move of it was seen
    case when meetings.is_due and meetings.is_observed and meetings.is_rescheduled then 1 else 0 end
        as observed_rescheduled_meetings, -- of these, it moved
    case when meetings.is_settled_loss then 1 else 0 end
        as settled_losses, -- canceled or delisted, and its visitor's 14 days have passed
    case when meetings.is_settled_loss and meetings.is_rebooked then 1 else 0 end
        as settled_rebooked_meetings, -- of these, its visitor booked again
    case when meetings.is_self_booked then 1 else 0 end as self_booked_meetings -- by the visitor
from bookings.meetings as meetings
cross join bookings_internal.report_span as span
cross join bookings_internal.int_now as now
inner join bookings_internal.int_meeting_states as states
    on meetings.meeting_id = states.meeting_id
inner join bookings_internal.int_lead_times as lead_times
    on meetings.meeting_id = lead_times.meeting_id
inner join bookings.lead_time_buckets as buckets on lead_times.bucket = buckets.bucket_number
where
    meetings.booked_on >= span.first_on
    or meetings.meeting_on >= span.first_on
    or meetings.meeting_state = 'upcoming'
