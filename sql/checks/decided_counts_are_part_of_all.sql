-- What is settled, observed or late in a group is a part of what was lost, due or canceled there.
select
    dimension,
    group_key,
    settled_losses,
    settled_rebooked_meetings,
    observed_due_meetings,
    observed_rescheduled_meetings,
    due_late_canceled_meetings
from bookings.booking_metrics
where
    settled_losses > canceled_meetings + delisted_meetings
    or settled_rebooked_meetings > rebooked_meetings
    or settled_rebooked_meetings > settled_losses
    or observed_due_meetings > due_meetings
    or observed_rescheduled_meetings > rescheduled_meetings
    or observed_rescheduled_meetings > observed_due_meetings
    or due_late_canceled_meetings > late_canceled_meetings
    or due_late_canceled_meetings > due_canceled_meetings
