-- The spans that no read saw whole.
-- grain: sync_id
select
    syncs.sync_id, -- the sync that came too late
    syncs.gap_from, -- start of the span (UTC)
    syncs.gap_to, -- end of the span (UTC)
    date_diff('day', cast(syncs.gap_from at time zone now.time_zone as date), now.today_on)
        as from_days_ago, -- days since its first day, in bookings.time_zone
    date_diff('day', cast(syncs.gap_to at time zone now.time_zone as date), now.today_on)
        as to_days_ago -- days since its last day
from bookings_internal.stg_syncs as syncs
cross join bookings_internal.int_now as now
where syncs.gap_from is not null
