-- How evenly are bookings spread inside each team? In the 28 days that end yesterday.
select team_name, agent_name, bookings_last_28_days, bookings_share, equal_share, deviation
from bookings.team_distribution
order by team_name asc, team_id asc, bookings_last_28_days desc, agent_id asc
