-- Every booking metric, defined here and nowhere else: one line each, over the meetings of each
-- group of meeting_groups. An agent in two teams counts in both; all else adds up to `all`.
-- grain: dimension, group_key
with members as (
    select
        meetings.*,
        cast(meetings.duration_minutes * 60000 as bigint) as duration_ms, -- whole: adds up exactly
        periods.is_known as knows_both_spans,
        date_diff('day', meetings.booked_on, now.today_on) between 0 and 27 as is_last_28_days,
        date_diff('day', meetings.booked_on, now.today_on) between 28 and 55 as is_prior_28_days
    from bookings.meeting_groups as meetings
    cross join bookings_internal.int_now as now
    left join bookings.booking_periods as periods
        on periods.period = 'last_56_days' and periods.period_start_on = now.today_on - 55
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
    members.dimension, -- all, agent, source, meeting_type, team or playbook
    members.group_key, -- the id as text, the source or the type; UNKNOWN where absent
    min(members.group_name) as group_name, -- what a person would call it
    count(*) as bookings, -- meetings booked, in every state
    count(*) filter (where meeting_state = 'canceled') as canceled_meetings, -- of these, cancelled
    count(*) filter (where meeting_state = 'delisted')
        as delisted_meetings, -- gone from Drift without being cancelled
    count(*) filter (where meeting_state = 'upcoming') as upcoming_meetings, -- still to start
    count(*) filter (where meeting_state = 'in_progress')
        as in_progress_meetings, -- started and not ended
    count(*) filter (where meeting_state = 'elapsed')
        as elapsed_meetings, -- whose time has passed, not cancelled
    count(*) filter (where is_rescheduled) as rescheduled_meetings, -- whose start ever moved
    count(*) filter (where is_self_booked) as self_booked_meetings, -- booked by the visitor alone
    count(*) filter (where is_due) as due_meetings, -- whose start has passed, cancelled or not
    count(*) filter (where is_due and is_canceled) as due_canceled_meetings, -- due and cancelled
    count(*) filter (where is_late_canceled)
        as late_canceled_meetings, -- cancelled less than 24 hours before their start, or later
    count(*) filter (where is_rebooked)
        as rebooked_meetings, -- lost, and booked again by the same visitor within 14 days
    count(*) filter (where is_due and is_canceled) / nullif(count(*) filter (where is_due), 0)
        as cancel_rate, -- due_canceled_meetings / due_meetings
    count(*) filter (where is_due and is_late_canceled) / nullif(count(*) filter (where is_due), 0)
        as late_cancel_rate, -- late_canceled_meetings that are due / due_meetings
    count(*) filter (where is_rebooked) / nullif(count(*) filter (where is_lost), 0)
        as rebook_rate, -- rebooked_meetings / (canceled_meetings + delisted_meetings)
    count(*) filter (where is_rescheduled) / count(*)
        as reschedule_rate, -- rescheduled_meetings / bookings
    count(*) filter (where is_self_booked) / count(*)
        as self_booked_rate, -- self_booked_meetings / bookings
    count(*) / sum(case when members.dimension = 'all' then count(*) end) over ()
        as bookings_share, -- bookings / all bookings
    count(*) filter (where is_last_28_days)
        as bookings_last_28_days, -- booked_on in the 28 days up to today
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
        as booked_hours, -- durations of meetings neither cancelled nor delisted
    max(coalesce(visitors.people, 0)) as visitors, -- distinct scheduler_id
    max(coalesce(visitors.regulars, 0))
        as repeat_visitors, -- of these, with two bookings or more in the group
    min(booked_at) as first_booked_at, -- the first booking (UTC)
    max(booked_at) as last_booked_at -- the last booking (UTC)
from members
left join visitors
    on members.dimension = visitors.dimension and members.group_key = visitors.group_key
group by members.dimension, members.group_key, members.knows_both_spans
