-- The meetings as their states, the newest sync and the zone of days show them.
-- grain: meeting_id
with history as (
    select
        meeting_id,
        count(*) filter (where is_reschedule) as reschedule_count,
        min(updated_at) as first_updated_at,
        max(updated_at) filter (where is_cancellation) as canceled_at,
        max(slot_start_at) filter (where version_number = 1) as first_slot_start_at,
        max(agent_id) filter (where version_number = 1) as first_agent_id
    from bookings_internal.int_version_changes
    where version_count > 1
    group by meeting_id
),

dated as (
    select
        newest.*,
        absences.delisted_at,
        now.now_at,
        now.observed_from_at,
        now.time_zone,
        absences.meeting_id is null
        or (absences.delisted_at is null and newest.slot_start_at < now.absent_from) as is_listed,
        coalesce(history.reschedule_count, 0) as reschedule_count,
        coalesce(newest.scheduled_at, history.first_updated_at, newest.updated_at) as booked_at,
        case when newest.is_canceled then coalesce(history.canceled_at, newest.updated_at) end
            as canceled_at,
        case when history.meeting_id is null then newest.slot_start_at
            else history.first_slot_start_at end as first_slot_start_at,
        case when history.meeting_id is null then newest.agent_id
            else history.first_agent_id end as first_agent_id
    from bookings_internal.int_version_changes as newest
    left join history on newest.meeting_id = history.meeting_id
    left join bookings_internal.int_absences as absences on newest.meeting_id = absences.meeting_id
    cross join bookings_internal.int_now as now
    where newest.is_newest
),

days as (
    select
        *,
        coalesce(canceled_at, delisted_at) as lost_at,
        cast(booked_at at time zone time_zone as date) as booked_on,
        cast(slot_start_at at time zone time_zone as date) as meeting_on
    from dated
)

select
    meeting_id, -- the meeting
    updated_at, -- updated_at of its newest state (UTC); with the next two, that state's key
    sync_id, -- the sync that first saw its newest state
    content_hash, -- a digest of its newest state
    agent_id, -- the agent
    scheduler_id, -- the contact who booked
    first_agent_id, -- the agent of its oldest state
    slot_start_at, -- when it starts (UTC)
    slot_end_at, -- when it ends (UTC)
    booked_at, -- scheduled_at of the newest state; where absent, the oldest updated_at (UTC)
    first_slot_start_at, -- when it was to start in its oldest state (UTC)
    canceled_at, -- updated_at of the state that canceled it; null while not canceled (UTC)
    delisted_at, -- start of the sync that first missed it; null while not missed (UTC)
    is_canceled, -- whether its newest state is canceled
    coalesce(is_listed, false) as is_listed, -- listed, or too old for the last read to list it
    coalesce(slot_start_at <= now_at, false) as is_due, -- whether its start has passed
    reschedule_count, -- times its start moved
    version_count, -- states known
    case
        when is_canceled then 'canceled'
        when delisted_at is not null then 'delisted'
        when slot_start_at is null or slot_start_at > now_at then 'upcoming'
        when slot_end_at > now_at then 'in_progress'
        else 'elapsed'
    end as meeting_state, -- the first of the five that fits
    lost_at is not null as is_lost, -- canceled or delisted
    lost_at, -- canceled_at, or delisted_at; null while neither (UTC)
    lost_at + interval 336 hour
        as rebookable_until_at, -- end of the 14 days in which its visitor may book again (UTC)
    coalesce(lost_at + interval 336 hour <= now_at, false)
        as is_settled_loss, -- lost, and these 14 days have passed
    coalesce(booked_at >= observed_from_at, false)
        as is_observed, -- booked since the first sync: every move of it was seen
    case when scheduler_id is not null then row_number() over (
        partition by scheduler_id order by booked_at asc, meeting_id asc
    ) end as visitor_booking_number, -- 1 for the visitor's first booking; null without a visitor
    date_sub('microsecond', canceled_at, slot_start_at) / 3600000000.0
        as cancel_notice_hours, -- hours from the cancellation to the start
    booked_on, -- the day of booked_at
    booked_on - cast(date_diff('day', date '0001-01-01', booked_on) % 7 as integer)
        as booked_week_on, -- the Monday of that day; 0001-01-01 was one
    cast(date_trunc('month', booked_on) as date) as booked_month_on, -- the first of its month
    meeting_on -- the day of its start
from days
