-- The spans that no read saw whole.
-- grain: sync_id
select
    sync_id, -- the sync that came too late
    gap_from, -- start of the span (UTC)
    gap_to -- end of the span (UTC)
from bookings_internal.stg_syncs
where gap_from is not null
