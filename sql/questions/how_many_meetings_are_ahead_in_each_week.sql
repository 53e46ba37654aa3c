-- How many meetings are ahead in each week? By the Monday before their start.
select cast(date_trunc('week', meeting_on) as date) as meeting_week_on, count(*) as meetings,
    count(*) filter (where agent_id is null) as unassigned_meetings,
    sum(duration_minutes) / 60 as booked_hours
from bookings.meetings
where meeting_state = 'upcoming' and meeting_on is not null
group by meeting_week_on
order by meeting_week_on asc
