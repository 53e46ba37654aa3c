-- How fast do conversations lead to a booking? By playbook.
select playbook_id, playbook_name, bookings, median_time_to_book_minutes
from bookings.bookings_by_playbook
where median_time_to_book_minutes is not null
order by median_time_to_book_minutes asc, playbook_id asc
