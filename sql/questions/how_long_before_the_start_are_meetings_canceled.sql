-- How long before the start are meetings canceled? By type; late is within the last 24 hours.
select meeting_type, canceled_meetings, median_cancel_notice_hours, late_canceled_meetings
from bookings.bookings_by_meeting_type
where canceled_meetings > 0
order by median_cancel_notice_hours asc, meeting_type asc
