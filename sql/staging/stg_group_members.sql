-- Every meeting three times: in the group of its agent, of its source and of its type; and once
-- more in that of its playbook, where that is known.
-- grain: one row per dimension and meeting
-- columns:
--   dimension: agent, source, meeting_type or playbook
--   group_key: the id as text, the source or the type; UNKNOWN where absent
--   has_playbook: whether the meeting's playbook is known
--   scheduler_id: the contact who booked
--   meeting_state: canceled, delisted, upcoming, in_progress or elapsed
--   is_rescheduled: whether its start ever moved
--   is_self_booked: whether no Drift user booked it for the visitor
--   booked_at: when it was booked (UTC)
--   booked_days_ago: days from booked_on to today, in bookings.time_zone; today is 0
--   lead_time_hours: hours from booked_at to the start
--   booked_microseconds: microseconds from start to end; null where cancelled or delisted
with dimensions as (
    select 'agent' as dimension
    union all
    select 'source' as dimension
    union all
    select 'meeting_type' as dimension
    union all
    select 'playbook' as dimension
)

select
    dimensions.dimension,
    coalesce(
        case dimensions.dimension
            when 'agent' then cast(meetings.agent_id as varchar)
            when 'source' then meetings.meeting_source
            when 'playbook' then meetings.playbook_id
            else meetings.meeting_type
        end,
        'UNKNOWN'
    ) as group_key,
    meetings.playbook_id is not null as has_playbook,
    meetings.scheduler_id,
    meetings.meeting_state,
    meetings.is_rescheduled,
    meetings.is_self_booked,
    meetings.booked_at,
    date_diff('day', meetings.booked_on, now.today_on) as booked_days_ago,
    meetings.lead_time_hours,
    case
        when meetings.meeting_state in ('canceled', 'delisted') then null
        when meetings.duration_minutes is not null
            then date_diff('microsecond', meetings.slot_start_at, meetings.slot_end_at)
    end as booked_microseconds
from bookings.meetings as meetings
cross join dimensions
cross join bookings.stg_now as now
where dimensions.dimension <> 'playbook' or meetings.playbook_id is not null
