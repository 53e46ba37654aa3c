-- Which team has most upcoming meetings? An agent in two teams counts in both.
select team_id, team_name, upcoming_meetings
from bookings.bookings_by_team
where upcoming_meetings > 0
order by upcoming_meetings desc, team_id asc
