-- Whether the numbers can be trusted: how new they are, and what is missing from them.
-- grain: one row in all
-- columns:
--   newest_sync_id: the newest sync; null before the first
--   newest_sync_at: when the newest sync started (UTC): what every model calls now
--   hours_since_previous_sync: hours from the start of the sync before; null without one
--   meetings: meetings known
--   versions: versions of them known
--   rejected: records of Drift's that could not be read as meetings, in all syncs
--   open_gaps: syncs that came over 30 days after the one before: meetings in between are lost
--   agent_known_share: meetings whose agent Drift has named / meetings, 0 to 1; null without any
-- The same raw data gives the same tables, so no age by the clock is written here: for that, ask
-- select current_timestamp - newest_sync_at from bookings.data_health
with syncs as (
    select
        sync_id,
        started_at,
        lag(started_at) over (order by started_at, sync_id) as previous_started_at
    from drift.syncs
),

counts as (
    select
        count(*) as meetings,
        count(case when agents.is_known then 1 end) as meetings_with_known_agent
    from bookings.meetings as meetings
    left join bookings.stg_agents as agents on meetings.agent_id = agents.agent_id
)

select
    now.sync_id as newest_sync_id,
    now.now_at as newest_sync_at,
    date_diff('microsecond', newest.previous_started_at, newest.started_at) / 3600000000.0
        as hours_since_previous_sync,
    counts.meetings,
    (select count(*) from drift.meeting_versions) as versions,
    (select count(*) from drift.rejected_meetings) as rejected,
    (select count(syncs.gap_from) from drift.syncs) as open_gaps,
    counts.meetings_with_known_agent / nullif(counts.meetings, 0) as agent_known_share
from bookings.stg_now as now
cross join counts
left join syncs as newest on now.sync_id = newest.sync_id
