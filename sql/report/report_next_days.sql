-- What each agent has from today to the end of next week: agent_days, and what has no agent yet.
-- grain: agent_key, meeting_on
with days as (
    select
        cast(agent_id as varchar) as agent_key, meeting_on, meetings, overlapping_meetings,
        booked_hours
    from bookings.agent_days
    union all
    select
        'UNKNOWN' as agent_key,
        meeting_on,
        count(*) as meetings,
        0 as overlapping_meetings,
        coalesce(sum(duration_minutes), 0) / 60 as booked_hours
    from bookings.meetings
    where agent_id is null and not is_lost and meeting_on is not null
    group by meeting_on
)

select
    days.agent_key, -- the agent's id as text; UNKNOWN for nobody
    agents.agent_name, -- what the report calls the agent
    days.meeting_on, -- the day, in bookings.time_zone
    cast(date_diff('day', span.this_week_on, days.meeting_on) as integer)
        as week_day, -- 0 = this week's Monday, 7 = next week's, up to 13
    days.meetings, -- neither canceled nor delisted
    days.overlapping_meetings, -- of these, that start while another one of the agent's is on
    days.booked_hours -- their durations
from days
cross join bookings_internal.report_span as span
inner join bookings_internal.report_agents as agents on days.agent_key = agents.agent_key
where
    days.meetings > 0 and days.meeting_on >= span.today_on
    and days.meeting_on <= span.this_week_on + 13
