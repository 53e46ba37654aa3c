-- Drift sent records that are no meetings, or that cannot be read as such.
-- severity: warn
select
    rejected.record_id,
    rejected.slug,
    rejected.reason
from drift.rejected_meetings as rejected
inner join bookings.stg_now as now on rejected.sync_id = now.sync_id
