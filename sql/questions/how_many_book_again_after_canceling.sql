-- How many book again after canceling? Of losses whose 14 days have passed: all, then by source.
select group_name, settled_losses, settled_rebooked_meetings, rebook_rate
from bookings.booking_metrics
where dimension in ('all', 'source') and settled_losses > 0
order by dimension asc, rebook_rate desc, group_key asc
