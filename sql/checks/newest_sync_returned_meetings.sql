-- A sync that sees nothing at all, with meetings known in its window, makes all of them delisted.
-- severity: warn
select
    syncs.sync_id,
    syncs.meetings_seen,
    count(*) as delisted_meetings
from drift.syncs as syncs
inner join bookings.stg_now as now on syncs.sync_id = now.sync_id
cross join bookings.meetings as meetings
where syncs.meetings_seen = 0 and meetings.meeting_state = 'delisted'
group by syncs.sync_id, syncs.meetings_seen
