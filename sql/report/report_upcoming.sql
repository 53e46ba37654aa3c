-- The meetings that are still to start.
-- grain: meeting_id
with ordered as (
    select
        meeting_id, slot_start_at,
        max(slot_end_at) over (in_order rows between unbounded preceding and 1 preceding)
            as busy_until_at,
        lead(slot_start_at) over in_order as next_start_at,
        lead(slot_end_at) over in_order as next_end_at
    from bookings.meetings
    where not is_lost and agent_id is not null and slot_start_at is not null
    window in_order as (
        partition by agent_id order by slot_start_at asc, slot_end_at desc nulls last
    )
),

double_booked as (
    select meeting_id
    from ordered
    where
        busy_until_at > slot_start_at
        or (next_start_at = slot_start_at and next_end_at > slot_start_at)
)

select
    meetings.meeting_id, -- the meeting
    agents.agent_key, -- the agent's id as text; UNKNOWN for nobody
    meetings.meeting_source, -- where it was booked
    meetings.meeting_type, -- the kind of meeting
    coalesce(meetings.playbook_id, 'UNKNOWN') as playbook_key, -- the playbook; UNKNOWN for none
    agents.agent_name, -- what the report calls the agent
    meetings.slot_start_at, -- when it starts (UTC); null while that is not known
    meetings.booked_at, -- when it was booked (UTC)
    double_booked.meeting_id is not null
        as is_double_booked -- it starts while another one of the agent's is on, as in agent_days
from bookings.meetings as meetings
inner join bookings_internal.report_agents as agents
    on coalesce(cast(meetings.agent_id as varchar), 'UNKNOWN') = agents.agent_key
left join double_booked on meetings.meeting_id = double_booked.meeting_id
where meetings.meeting_state = 'upcoming'
