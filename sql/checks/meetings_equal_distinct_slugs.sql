-- Every meeting ever loaded is in meetings, and nothing else is.
with slugs as (
    select distinct slug
    from drift.meeting_versions
)

select
    slugs.slug as loaded_slug,
    meetings.meeting_id
from slugs
full outer join bookings.meetings as meetings on slugs.slug = meetings.meeting_id
where slugs.slug is null or meetings.meeting_id is null
