-- A version updated over an hour after the newest sync's end: one of the clocks is wrong.
-- severity: warn
select
    versions.meeting_id,
    versions.updated_at,
    syncs.finished_at
from bookings_internal.stg_meeting_versions as versions
cross join bookings_internal.int_now as now
inner join bookings_internal.stg_syncs as syncs on now.sync_id = syncs.sync_id
where versions.updated_at > syncs.finished_at + interval '1 hour'
