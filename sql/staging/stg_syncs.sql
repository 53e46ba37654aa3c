-- Every complete read of Drift that was loaded whole.
-- grain: sync_id
select
    sync_id, -- the sync; ids rise, as text, whatever a clock does
    started_at, -- when it started (UTC)
    finished_at, -- when its read was complete (UTC)
    window_from, -- the earliest meeting start that it read (UTC)
    window_from + interval '24 hour' as absent_from, -- earliest start of one it can miss (UTC)
    window_to, -- the latest meeting start that it read (UTC)
    meetings_seen, -- records read, rejected ones included
    gap_from, -- start of the span that no read saw whole (UTC); null without one
    gap_to, -- end of that span (UTC)
    row_number() over (order by sync_id desc) as sync_age, -- 1 for the newest
    lag(started_at) over (order by sync_id)
        as previous_started_at -- when the sync before it started (UTC); null for the first
from drift.syncs
where _dlt_load_id in (select load_id from drift._dlt_loads where status = 0)
