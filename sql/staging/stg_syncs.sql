-- Every complete read of Drift.
-- grain: sync_id
select
    sync_id, -- the sync; ids sort by time, as text
    started_at, -- when it started (UTC)
    finished_at, -- when its read was complete (UTC)
    window_from, -- the earliest meeting start that it read (UTC)
    window_to, -- the latest meeting start that it read (UTC)
    meetings_seen, -- records read, rejected ones included
    gap_from, -- start of the span that no read saw whole (UTC); null without one
    gap_to, -- end of that span (UTC)
    row_number() over (order by started_at desc, sync_id desc) as sync_age, -- 1 for the newest
    lag(started_at) over (order by started_at, sync_id)
        as previous_started_at -- when the sync before it started (UTC); null for the first
from drift.syncs
