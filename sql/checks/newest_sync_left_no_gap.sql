-- Over 30 days passed before the newest sync: meetings that took place in between may be lost.
-- severity: warn
select
    syncs.sync_id,
    syncs.gap_from,
    syncs.gap_to
from drift.syncs as syncs
inner join bookings.stg_now as now on syncs.sync_id = now.sync_id
where syncs.gap_from is not null
