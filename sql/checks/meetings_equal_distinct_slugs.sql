-- Every meeting ever loaded is in meetings, and nothing else is.
with loaded as (
    select distinct meeting_id
    from bookings_internal.stg_meeting_versions
)

select
    loaded.meeting_id as loaded_meeting_id,
    meetings.meeting_id
from loaded
full outer join bookings.meetings as meetings on loaded.meeting_id = meetings.meeting_id
where loaded.meeting_id is null or meetings.meeting_id is null
