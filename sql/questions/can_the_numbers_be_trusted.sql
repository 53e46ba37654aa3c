-- Can the numbers be trusted? How new they are, what is missing, and since when moves are seen.
select
    newest_sync_at, hours_since_previous_sync, complete_from_on, observed_from_at, open_gaps,
    meetings, rejected, agent_known_share, visitor_known_share
from bookings.data_health
