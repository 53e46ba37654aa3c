-- How often are meetings moved? By type: of those due, and booked since the first read.
select kinds.meeting_type, kinds.observed_rescheduled_meetings, kinds.observed_due_meetings,
    kinds.reschedule_rate, health.observed_from_at
from bookings.bookings_by_meeting_type as kinds
cross join bookings.data_health as health
where kinds.observed_due_meetings > 0
order by kinds.reschedule_rate desc, kinds.meeting_type asc
