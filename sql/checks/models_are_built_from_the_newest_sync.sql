-- The models are as new as the newest sync, and that sync has a window and an end.
select
    syncs.sync_id,
    syncs.started_at,
    health.newest_sync_at
from bookings_internal.stg_syncs as syncs
cross join bookings.data_health as health
where
    syncs.started_at > health.newest_sync_at
    or health.newest_sync_at is null
    or (
        syncs.sync_id = health.newest_sync_id
        and (syncs.finished_at is null or syncs.window_from is null or syncs.window_to is null)
    )
