-- Who books for visitors? Beside the visitors who book for themselves (is_self_booked).
select is_self_booked, booked_by_id, booked_by_name, count(*) as bookings
from bookings.meetings
group by is_self_booked, booked_by_id, booked_by_name
order by bookings desc, booked_by_id asc
limit 20
