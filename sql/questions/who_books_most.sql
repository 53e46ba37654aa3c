-- Who books most? In the 28 days that end yesterday, with the change from the 28 days before.
select agent_id, agent_name, team_name, bookings_last_28_days, bookings_prior_28_days,
    bookings_change
from bookings.bookings_by_agent
where bookings_last_28_days > 0
order by bookings_last_28_days desc, agent_id asc
limit 20
