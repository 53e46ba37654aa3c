-- Two meetings of one agent that overlap, neither canceled nor delisted, of which at least one has
-- not ended. A meeting that overlaps with two others is in two rows.
-- grain: meeting_id, other_meeting_id
-- looked up by: agent_id, meeting_on
with kept as (
    select
        meeting_id, agent_id, agent_name, meeting_on, slot_start_at,
        meeting_state <> 'elapsed' as is_open,
        case when slot_end_at > slot_start_at then slot_end_at else slot_start_at end as end_at,
        date_sub('microsecond', timestamptz '1970-01-01 00:00:00+00', slot_start_at) as since_1970
    from bookings.meetings
    where agent_id is not null and slot_start_at is not null and not is_lost
),

-- what started before an agent's first open meeting overlaps with none of them at its start
agents as (
    select
        agent_id,
        min(case when is_open then slot_start_at end) as open_from_at,
        max(date_sub('microsecond', slot_start_at, end_at)) + 1 as longest
    from kept
    group by agent_id
),

-- two meetings that overlap start in one span of the agent's longest, or in two that meet
spans as (
    select kept.*, cast(floor(kept.since_1970 / cast(agents.longest as double)) as bigint) as span
    from kept
    inner join agents on kept.agent_id = agents.agent_id
),

both_spans as (
    select meeting_id, agent_id, slot_start_at, end_at, span from spans
    union all
    select meeting_id, agent_id, slot_start_at, end_at, span + 1 as span from spans
),

-- two that start together are found from both sides
pairs as (
    select distinct
        case
            when earlier.slot_start_at < started.slot_start_at then started.meeting_id
            when earlier.meeting_id < started.meeting_id then started.meeting_id
            else earlier.meeting_id
        end as meeting_id,
        case
            when earlier.slot_start_at < started.slot_start_at then earlier.meeting_id
            when earlier.meeting_id < started.meeting_id then earlier.meeting_id
            else started.meeting_id
        end as other_meeting_id
    from bookings_internal.int_overlaps as found
    inner join spans as started on found.meeting_id = started.meeting_id
    inner join agents
        on started.agent_id = agents.agent_id and started.slot_start_at >= agents.open_from_at
    inner join both_spans as earlier
        on
            started.agent_id = earlier.agent_id
            and started.span = earlier.span
            and started.meeting_id <> earlier.meeting_id
            and started.slot_start_at >= earlier.slot_start_at
            and started.slot_start_at < earlier.end_at
)

select
    later.agent_id, -- the agent
    later.agent_name, -- the agent's name; null while unknown
    later.meeting_id, -- the one that starts later; of two that start together, the greater id
    other.meeting_id as other_meeting_id, -- the other one
    later.meeting_on, -- the day on which meeting_id starts
    later.slot_start_at, -- when meeting_id starts (UTC): from then on, both are on
    date_sub('microsecond', later.slot_start_at, least(later.end_at, other.end_at)) / 60000000.0
        as overlap_minutes -- how long both are on; 0 where one of them has no length
from pairs
inner join kept as later on pairs.meeting_id = later.meeting_id
inner join kept as other on pairs.other_meeting_id = other.meeting_id
where later.is_open or other.is_open
