-- How many book again after canceling? Within 14 days: all first, then by source.
select
    group_name, canceled_meetings + delisted_meetings as lost_meetings, rebooked_meetings,
    rebook_rate
from bookings.booking_metrics
where dimension in ('all', 'source') and rebook_rate is not null
order by dimension asc, rebook_rate desc, group_key asc
