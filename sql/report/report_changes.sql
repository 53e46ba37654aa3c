-- What the newest sync was the first to see, whenever it took place. Nothing for the first sync:
-- all that it sees is new.
-- grain: meeting_id, version_number, event_type
with changes as (
    select events.*, coalesce(cast(events.agent_id as varchar), 'UNKNOWN') as event_agent_key
    from bookings.meeting_events as events
    inner join bookings_internal.int_version_changes as versions
        on
            events.meeting_id = versions.meeting_id
            and events.version_number = versions.version_number
    cross join bookings_internal.int_now as now
    inner join bookings_internal.stg_syncs as syncs on now.sync_id = syncs.sync_id
    where
        syncs.previous_started_at is not null
        and case events.event_type
            when 'delisted' then events.occurred_at = now.now_at
            else versions.sync_id = now.sync_id
        end
)

select
    changes.meeting_id, -- the meeting
    changes.version_number, -- the state that shows the event
    changes.event_type, -- booked, rescheduled, canceled, reinstated, reassigned or delisted
    changes.occurred_at, -- when (UTC)
    agents.agent_name, -- what the report calls the agent in that state
    case changes.event_type
        when 'reassigned' then agents_before.agent_name
        when 'rescheduled' then changes.from_value
    end as from_value, -- the agent or the start before; null where none
    case
        when changes.event_type = 'reassigned' then agents.agent_name
        when changes.event_type in ('booked', 'rescheduled') then changes.to_value
    end as to_value -- the agent or the start from then on; null likewise
from changes
inner join bookings_internal.report_agents as agents
    on changes.event_agent_key = agents.agent_key
left join bookings_internal.report_agents as agents_before
    on coalesce(changes.from_value, 'UNKNOWN') = agents_before.agent_key
