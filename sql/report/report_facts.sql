-- The meetings that were booked, or start, in the days of the report, and what became of each. The
-- page holds their sums. Numbers are those of report_names.
-- grain: meeting_id
select
    meetings.meeting_id, -- the meeting
    date_diff('day', meetings.booked_on, span.today_on)
        as booked_days_ago, -- days since it was booked; below 0 by a clock that is ahead
    date_diff('day', meetings.meeting_on, span.today_on)
        as starts_days_ago, -- days since its start; below 0 where it lies ahead; null if unknown
    agents.name_number as agent_number, -- the agent
    sources.name_number as source_number, -- where it was booked
    kinds.name_number as type_number, -- the kind of meeting
    playbooks.name_number as playbook_number, -- the playbook
    lead_times.bucket as bucket_number, -- how far ahead it was booked, as in lead_time_buckets
    cast(
        date_diff('day', date '0001-01-01', cast(meetings.local_start_at as date)) % 7 + 1
        as integer
    ) as local_weekday, -- of the start on the visitor's clock, 1 = Monday; 0001-01-01 was one
    cast(extract(hour from meetings.local_start_at) as integer) as local_hour, -- likewise, 0 to 23
    meetings.meeting_state, -- canceled, delisted, upcoming, in_progress or elapsed
    1 as bookings, -- this one
    case when meetings.is_due then 1 else 0 end as due_meetings, -- its start has passed
    case when meetings.is_due and meetings.is_canceled then 1 else 0 end
        as due_canceled_meetings, -- due and canceled
    case when meetings.is_due and meetings.is_late_canceled then 1 else 0 end
        as due_late_canceled_meetings, -- due, and canceled less than 24 hours before its start
    case when meetings.is_rescheduled then 1 else 0 end as rescheduled_meetings, -- it ever moved
    case when meetings.is_self_booked then 1 else 0 end as self_booked_meetings, -- by the visitor
    case when meetings.is_rebooked then 1 else 0 end
        as rebooked_meetings, -- lost, and its visitor booked again within 14 days
    case
        when
            meetings.is_lost and not meetings.is_rebooked
            and coalesce(meetings.canceled_at, meetings.delisted_at)
            > now.now_at - interval 336 hour
            then 1
        else 0
    end as undecided_meetings -- lost within the last 14 days, and not booked again yet
from bookings.meetings as meetings
cross join bookings_internal.report_span as span
cross join bookings_internal.int_now as now
inner join bookings_internal.int_lead_times as lead_times
    on meetings.meeting_id = lead_times.meeting_id
inner join bookings_internal.report_names as agents
    on
        agents.dimension = 'agent'
        and coalesce(cast(meetings.agent_id as varchar), 'UNKNOWN') = agents.group_key
inner join bookings_internal.report_names as sources
    on sources.dimension = 'source' and meetings.meeting_source = sources.group_key
inner join bookings_internal.report_names as kinds
    on kinds.dimension = 'meeting_type' and meetings.meeting_type = kinds.group_key
inner join bookings_internal.report_names as playbooks
    on
        playbooks.dimension = 'playbook'
        and coalesce(meetings.playbook_id, 'UNKNOWN') = playbooks.group_key
where
    meetings.booked_on >= span.first_on
    or meetings.meeting_on >= span.first_on
    or meetings.meeting_state = 'upcoming'
