-- Whether the numbers can be trusted: how new they are, and what is missing from them. No age by
-- the clock is here: for that, ask select current_timestamp - newest_sync_at from this table.
-- grain: one row
with counts as (
    select
        count(*) as meetings,
        count(*) filter (where agents.is_known) / nullif(count(*), 0) as agent_share,
        count(*) filter (where contacts.is_known) / nullif(count(*), 0) as visitor_share
    from bookings.meetings as meetings
    left join bookings.agents as agents on meetings.agent_id = agents.agent_id
    left join bookings_internal.stg_contacts as contacts
        on meetings.scheduler_id = contacts.contact_id
)

select
    now.sync_id as newest_sync_id, -- the newest sync; null before the first
    now.now_at as newest_sync_at, -- when it started (UTC): what every model calls now
    now.time_zone, -- the zone in which days are counted
    now.today_on, -- the day of newest_sync_at
    date_sub('microsecond', newest.previous_started_at, now.now_at) / 3600000000.0
        as hours_since_previous_sync, -- from the start of the sync before; null without one
    counts.meetings, -- meetings known
    (select count(*) from bookings_internal.stg_meeting_versions) as versions, -- their states
    (select count(*) from bookings_internal.stg_rejected_meetings)
        as rejected, -- records of Drift that could not be read as meetings, in all syncs
    (select count(gap_from) from bookings_internal.stg_syncs)
        as open_gaps, -- syncs that came over 30 days after the one before
    now.complete_from_on, -- the first day from which on every booking is known, but for gaps
    now.observed_from_at, -- when the first sync started (UTC): moves before it are not known
    counts.agent_share as agent_known_share, -- meetings whose agent Drift has named / meetings
    counts.visitor_share as visitor_known_share -- meetings whose visitor has been read / meetings
from bookings_internal.int_now as now
cross join counts
left join bookings_internal.stg_syncs as newest on now.sync_id = newest.sync_id
