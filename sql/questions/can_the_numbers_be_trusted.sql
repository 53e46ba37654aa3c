-- Can the numbers be trusted? How new they are, and what is missing.
select
    newest_sync_at, hours_since_previous_sync, complete_from_on, open_gaps, meetings, rejected,
    agent_known_share, visitor_known_share
from bookings.data_health
