-- Which playbooks bring most bookings? UNKNOWN has those that no known conversation led to.
select playbook_id, playbook_name, bookings, bookings_share, bookings_last_28_days
from bookings.bookings_by_playbook
order by bookings desc, playbook_id asc
limit 20
