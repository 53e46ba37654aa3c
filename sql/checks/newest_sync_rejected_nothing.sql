-- Drift sent records that are no meetings, or that cannot be read as such.
-- severity: warn
select
    rejected.record_id,
    rejected.meeting_id,
    rejected.reason
from bookings_internal.stg_rejected_meetings as rejected
inner join bookings_internal.int_now as now on rejected.sync_id = now.sync_id
