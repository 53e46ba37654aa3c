-- Which meetings were canceled late since yesterday? Less than 24 hours before their start.
select lost.canceled_at, lost.slot_start_at, lost.meeting_id, lost.agent_name,
    lost.cancel_notice_hours
from bookings.meetings as lost
cross join bookings.data_health as health
where lost.is_late_canceled
    and cast(lost.canceled_at at time zone health.time_zone as date) >= health.today_on - 1
order by lost.canceled_at desc, lost.meeting_id asc
