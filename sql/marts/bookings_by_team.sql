-- The booking metrics of each team: the meetings of the agents who belong to it now. An agent in
-- two teams counts in both, so this table does not add up to all meetings.
-- grain: team_id or null
select
    cast(nullif(metrics.group_key, 'UNKNOWN') as bigint)
        as team_id, -- the team; null for meetings of agents in no team, and of nobody
    metrics.group_name as team_name, -- the team's name; UNKNOWN where team_id is null
    metrics.* exclude (dimension, group_key, group_name)
from bookings.booking_metrics as metrics
where metrics.dimension = 'team'
