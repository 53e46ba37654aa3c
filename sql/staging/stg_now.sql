-- What "now" means for every model: the start of the newest sync, never the clock.
-- grain: one row in all
-- columns:
--   sync_id: the newest sync; null before the first
--   now_at: when the newest sync started (UTC)
--   window_from: oldest slot start that the newest sync read (UTC)
--   window_to: latest slot start that the newest sync read (UTC)
--   time_zone: the zone in which days, weeks and months are counted (bookings.time_zone)
--   today_on: the day of now_at in that zone
with newest as (
    select
        sync_id,
        started_at,
        window_from,
        window_to
    from drift.syncs
    order by started_at desc, sync_id desc
    limit 1
)

select
    newest.sync_id,
    newest.started_at as now_at,
    newest.window_from,
    newest.window_to,
    settings.time_zone,
    cast(newest.started_at at time zone settings.time_zone as date) as today_on
from bookings.settings
left join newest on true
