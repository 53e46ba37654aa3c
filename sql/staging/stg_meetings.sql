-- What follows from a meeting's versions, the newest sync and the zone of days.
-- grain: one row per meeting
-- columns:
--   meeting_id: the meeting (Drift's slug)
--   updated_at: updated_at of its newest version (UTC); with the next two, that version's key
--   sync_id: the sync that first saw its newest version
--   content_hash: hash of its newest version's content
--   agent_id: the agent now
--   first_agent_id: the agent of its oldest version
--   booked_at: scheduled_at of the newest version; where absent, the oldest updated_at (UTC)
--   booked_on: the day of booked_at, in bookings.time_zone
--   meeting_on: the day on which the slot starts, in bookings.time_zone
--   first_slot_start_at: slot start of its oldest version (UTC)
--   canceled_at: updated_at of the version that cancelled it; null while not cancelled (UTC)
--   is_canceled: whether its newest version is cancelled
--   is_listed: in the last complete read, or in all of those that its slot was not too old for
--   delisted_at: start of the sync that first missed it (UTC); null where is_listed
--   reschedule_count: times its start moved from one version to the next
--   version_count: versions known
--   meeting_state: canceled, delisted, upcoming, in_progress or elapsed: the first that fits
-- A meeting without a slot start is delisted when not listed, else upcoming. An end that is absent
-- or before the start counts as the start, so that every meeting is in exactly one state.
with history as (
    select
        meeting_id,
        count(case when is_reschedule then 1 end) as reschedule_count,
        min(updated_at) as first_updated_at,
        max(case when is_cancellation then updated_at end) as last_cancellation_at,
        max(case when version_number = 1 then slot_start_at end) as first_slot_start_at,
        max(case when version_number = 1 then agent_id end) as first_agent_id,
        max(sync_id) < '1' as is_imported_only
    from bookings.stg_meeting_versions
    where version_count > 1
    group by meeting_id
),

listed as (
    select distinct slug as meeting_id
    from drift.listed_meetings
),

-- the last read that no longer returned a meeting; its slot may have been too old by then
unlisted as (
    select
        unlisted.slug as meeting_id,
        syncs.started_at,
        syncs.window_from,
        syncs.window_to
    from drift.unlisted_meetings as unlisted
    inner join drift.syncs as syncs on unlisted.sync_id = syncs.sync_id
    qualify row_number() over (partition by unlisted.slug order by unlisted.sync_id desc) = 1
),

-- meetings from files that no read returned, beside the first read after their newest version
imported as (
    select
        versions.meeting_id,
        versions.updated_at as seen_at,
        cast(null as timestamptz) as read_at
    from bookings.stg_meeting_versions as versions
    left join history on versions.meeting_id = history.meeting_id
    where
        versions.is_newest
        and versions.sync_id < '1'
        and coalesce(history.is_imported_only, true)
    union all
    select
        null as meeting_id,
        started_at as seen_at,
        started_at as read_at
    from drift.syncs
),

next_reads as (
    select
        meeting_id,
        min(read_at) over (
            order by seen_at, read_at nulls first
            rows between current row and unbounded following
        ) as read_at
    from imported
),

missed as (
    select
        next_reads.meeting_id,
        syncs.started_at,
        syncs.window_from,
        syncs.window_to
    from next_reads
    inner join drift.syncs as syncs on next_reads.read_at = syncs.started_at
    where next_reads.meeting_id is not null
),

newest as (
    select
        versions.*,
        coalesce(history.reschedule_count, 0) as reschedule_count,
        case
            when versions.version_count > 1 then history.first_slot_start_at
            else versions.slot_start_at
        end as first_slot_start_at,
        case
            when versions.version_count > 1 then history.first_agent_id
            else versions.agent_id
        end as first_agent_id,
        coalesce(history.last_cancellation_at, versions.updated_at) as last_cancellation_at,
        coalesce(versions.scheduled_at, history.first_updated_at, versions.updated_at) as booked_at,
        now.now_at,
        now.window_from,
        now.time_zone,
        listed.meeting_id is not null as is_in_list,
        case
            when listed.meeting_id is not null then null
            when versions.slot_start_at between unlisted.window_from and unlisted.window_to
                then unlisted.started_at
            when coalesce(history.is_imported_only, versions.sync_id < '1')
                then
                    case
                        when
                            versions.slot_start_at is null
                            or versions.slot_start_at between missed.window_from
                            and missed.window_to
                            then missed.started_at
                    end
            when versions.slot_start_at between now.window_from and now.window_to then now.now_at
            when versions.slot_start_at is null then coalesce(unlisted.started_at, now.now_at)
        end as delisted_at
    from bookings.stg_meeting_versions as versions
    left join history on versions.meeting_id = history.meeting_id
    left join listed on versions.meeting_id = listed.meeting_id
    left join unlisted on versions.meeting_id = unlisted.meeting_id
    left join missed on versions.meeting_id = missed.meeting_id
    cross join bookings.stg_now as now
    where versions.is_newest
)

select
    meeting_id,
    updated_at,
    sync_id,
    content_hash,
    agent_id,
    first_agent_id,
    booked_at,
    cast(booked_at at time zone time_zone as date) as booked_on,
    cast(slot_start_at at time zone time_zone as date) as meeting_on,
    first_slot_start_at,
    case when is_canceled then last_cancellation_at end as canceled_at,
    is_canceled,
    is_in_list or (delisted_at is null and slot_start_at < window_from) as is_listed,
    delisted_at,
    reschedule_count,
    version_count,
    case
        when is_canceled then 'canceled'
        when delisted_at is not null then 'delisted'
        when slot_start_at is null or slot_start_at > now_at then 'upcoming'
        when slot_end_at > now_at then 'in_progress'
        else 'elapsed'
    end as meeting_state
from newest
