-- How fresh is it, and is anything missing?
select
    newest_sync_at,
    meetings,
    rejected,
    open_gaps
from bookings.data_health
