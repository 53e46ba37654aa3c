-- How do agents do who joined lately? By months since Drift's user was created.
select date_diff('month', agents.user_created_at, health.newest_sync_at) as months,
    count(*) as agents, sum(coalesce(booked.bookings_last_28_days, 0)) / count(*) as bookings_each,
    sum(booked.due_canceled_meetings) / nullif(sum(booked.due_meetings), 0) as cancel_rate
from bookings.agents as agents cross join bookings.data_health as health
left join bookings.bookings_by_agent as booked on agents.agent_id = booked.agent_id
where agents.is_current and agents.user_created_at is not null
group by months order by months asc
