-- Over 30 days passed before the newest sync: meetings that took place in between may be lost.
-- severity: warn
select
    syncs.sync_id,
    syncs.gap_from,
    syncs.gap_to
from bookings_internal.stg_syncs as syncs
inner join bookings_internal.int_now as now on syncs.sync_id = now.sync_id
where syncs.gap_from is not null
