-- Every booking metric, defined here and nowhere else: one line each, over the meetings of each
-- group of meeting_groups. An agent in two teams counts in both; all else adds up to `all`.
-- grain: dimension, group_key
with members as (
    select
        meetings.*,
        cast(meetings.duration_minutes * 60000 as bigint) as duration_ms, -- whole: adds up exactly
        periods.is_known as knows_both_spans,
        date_diff('day', meetings.booked_on, now.today_on) between 1 and 28 as is_last_28_days,
        date_diff('day', meetings.booked_on, now.today_on) between 29 and 56 as is_prior_28_days
    from bookings.meeting_groups as meetings
    cross join bookings_internal.int_now as now
    left join bookings.booking_periods as periods
        on periods.period = 'last_56_days' and periods.period_start_on = now.today_on - 56
),

visits as (
    select dimension, group_key, scheduler_id, count(*) as bookings
    from bookings.meeting_groups where scheduler_id is not null
    group by dimension, group_key, scheduler_id
),

visitors as (
    select
        dimension, group_key, count(*) as people, count(*) filter (where bookings > 1) as regulars
    from visits group by dimension, group_key
)

select
    members.dimension, -- what meetings are grouped by, such as agent; all for all of them
    members.group_key, -- the group: an id as text, a source, a type; UNKNOWN where absent
    min(members.group_name) as group_name, -- what a person would call it
    count(*) as bookings, -- meetings booked, in every state
    count(*) filter (where meeting_state = 'canceled') as canceled_meetings, -- of these, canceled
    count(*) filter (where meeting_state = 'delisted')
        as delisted_meetings, -- gone from Drift without being canceled
    count(*) filter (where meeting_state = 'upcoming') as upcoming_meetings, -- still to start
    count(*) filter (where meeting_state = 'in_progress')
        as in_progress_meetings, -- started and not ended
    count(*) filter (where meeting_state = 'elapsed')
        as elapsed_meetings, -- whose time has passed, not canceled
    count(*) filter (where is_rescheduled) as rescheduled_meetings, -- whose start ever moved
    count(*) filter (where is_self_booked) as self_booked_meetings, -- booked by the visitor alone
    count(*) filter (where is_due) as due_meetings, -- whose start has passed, canceled or not
    count(*) filter (where is_due and is_canceled) as due_canceled_meetings, -- due and canceled
    count(*) filter (where is_late_canceled)
        as late_canceled_meetings, -- canceled less than 24 hours before their start, or later
    count(*) filter (where is_due and is_late_canceled)
        as due_late_canceled_meetings, -- of these, due
    count(*) filter (where is_rebooked)
        as rebooked_meetings, -- lost, and booked again by the same visitor within 14 days
    count(*) filter (where is_settled_loss)
        as settled_losses, -- canceled or delisted, and these 14 days have passed
    count(*) filter (where is_settled_loss and is_rebooked)
        as settled_rebooked_meetings, -- of these, booked again
    count(*) filter (where is_observed and is_due)
        as observed_due_meetings, -- due, and booked since the first sync: every move was seen
    count(*) filter (where is_observed and is_due and is_rescheduled)
        as observed_rescheduled_meetings, -- of these, whose start moved
    count(*) filter (where is_due and is_canceled) / nullif(count(*) filter (where is_due), 0)
        as cancel_rate, -- due_canceled_meetings / due_meetings
    count(*) filter (where is_due and is_late_canceled) / nullif(count(*) filter (where is_due), 0)
        as late_cancel_rate, -- due_late_canceled_meetings / due_meetings
    count(*) filter (where is_settled_loss and is_rebooked)
    / nullif(count(*) filter (where is_settled_loss), 0)
        as rebook_rate, -- settled_rebooked_meetings / settled_losses
    count(*) filter (where is_observed and is_due and is_rescheduled)
    / nullif(count(*) filter (where is_observed and is_due), 0)
        as reschedule_rate, -- observed_rescheduled_meetings / observed_due_meetings
    count(*) filter (where is_self_booked) / count(*)
        as self_booked_rate, -- self_booked_meetings / bookings
    count(*) / sum(case when members.dimension = 'all' then count(*) end) over ()
        as bookings_share, -- bookings / all bookings
    count(*) filter (where is_last_28_days)
        as bookings_last_28_days, -- booked_on in the 28 days that end yesterday
    count(*) filter (where is_prior_28_days)
        as bookings_prior_28_days, -- booked_on in the 28 days before these
    case
        when members.knows_both_spans then count(*) filter (where is_last_28_days)
            / nullif(count(*) filter (where is_prior_28_days), 0) - 1
    end as bookings_change, -- last / prior 28 days - 1; null unless all 56 days are known
    quantile_cont(lead_time_hours, 0.5) as median_lead_time_hours, -- from booking to start
    quantile_cont(lead_time_hours, 0.9) as p90_lead_time_hours, -- the same, 90th percentile
    quantile_cont(time_to_book_minutes, 0.5)
        as median_time_to_book_minutes, -- from the conversation's start to the booking
    quantile_cont(cancel_notice_hours, 0.5)
        as median_cancel_notice_hours, -- from the cancellation to the start
    coalesce(cast(sum(duration_ms) filter (where not is_lost) as double), 0) / 3600000
        as booked_hours, -- durations of meetings neither canceled nor delisted
    max(coalesce(visitors.people, 0)) as visitors, -- distinct scheduler_id
    max(coalesce(visitors.regulars, 0))
        as repeat_visitors, -- of these, with two bookings or more in the group
    min(booked_at) as first_booked_at, -- the first booking (UTC)
    max(booked_at) as last_booked_at -- the last booking (UTC)
from members
left join visitors
    on members.dimension = visitors.dimension and members.group_key = visitors.group_key
group by members.dimension, members.group_key, members.knows_both_spans
