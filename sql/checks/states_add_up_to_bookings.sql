-- The five states of every row add up to its bookings.
with states as (
    select
        'daily_bookings' as table_name,
        cast(booked_on as varchar) as row_key,
        bookings,
        canceled_meetings + delisted_meetings + upcoming_meetings + in_progress_meetings
        + elapsed_meetings as in_a_state
    from bookings.daily_bookings
    union all
    select
        'bookings_by_agent' as table_name,
        cast(agent_id as varchar) as row_key,
        bookings,
        canceled_meetings + delisted_meetings + upcoming_meetings + in_progress_meetings
        + elapsed_meetings as in_a_state
    from bookings.bookings_by_agent
    union all
    select
        'bookings_by_source' as table_name,
        meeting_source as row_key,
        bookings,
        canceled_meetings + delisted_meetings + upcoming_meetings + in_progress_meetings
        + elapsed_meetings as in_a_state
    from bookings.bookings_by_source
    union all
    select
        'bookings_by_meeting_type' as table_name,
        meeting_type as row_key,
        bookings,
        canceled_meetings + delisted_meetings + upcoming_meetings + in_progress_meetings
        + elapsed_meetings as in_a_state
    from bookings.bookings_by_meeting_type
    union all
    select
        'bookings_by_playbook' as table_name,
        playbook_id as row_key,
        bookings,
        canceled_meetings + delisted_meetings + upcoming_meetings + in_progress_meetings
        + elapsed_meetings as in_a_state
    from bookings.bookings_by_playbook
    union all
    select
        'bookings_by_team' as table_name,
        cast(team_id as varchar) as row_key,
        bookings,
        canceled_meetings + delisted_meetings + upcoming_meetings + in_progress_meetings
        + elapsed_meetings as in_a_state
    from bookings.bookings_by_team
    union all
    select
        'weekly_bookings' as table_name,
        cast(week_start_on as varchar) as row_key,
        bookings,
        canceled_meetings + delisted_meetings + upcoming_meetings + in_progress_meetings
        + elapsed_meetings as in_a_state
    from bookings.weekly_bookings
)

select
    table_name,
    row_key,
    bookings,
    in_a_state
from states
where bookings <> in_a_state
