-- A sync that sees nothing at all, with meetings known in its window, makes all of them delisted.
-- severity: warn
select
    syncs.sync_id,
    syncs.meetings_seen,
    count(*) as delisted_meetings
from bookings_internal.stg_syncs as syncs
inner join bookings_internal.int_now as now on syncs.sync_id = now.sync_id
cross join bookings.meetings as meetings
where syncs.meetings_seen = 0 and meetings.meeting_state = 'delisted'
group by syncs.sync_id, syncs.meetings_seen
