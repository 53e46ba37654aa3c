-- A version updated over an hour after the newest sync's end: one of the clocks is wrong.
-- severity: warn
select
    versions.slug,
    versions.updated_at,
    syncs.finished_at
from drift.meeting_versions as versions
cross join bookings.stg_now as now
inner join drift.syncs as syncs on now.sync_id = syncs.sync_id
where versions.updated_at > syncs.finished_at + interval '1 hour'
