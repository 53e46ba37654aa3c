-- The meetings that were booked, each as its newest state shows it. Days are in bookings.time_zone.
-- grain: meeting_id
-- looked up by: meeting_id, booked_on, agent_id
select
    states.meeting_id, -- the meeting (Drift's slug)
    newest.org_id, -- the Drift organisation
    newest.agent_id, -- the Drift user who takes the meeting; null while nobody is assigned
    agents.agent_name, -- the agent's name; null while unknown
    agents.agent_email, -- the agent's e-mail address, or its hash; null while unknown
    agents.team_name as agent_first_team, -- the first by name of the agent's teams
    agents.time_zone as agent_time_zone, -- the agent's time zone, as sent
    states.first_agent_id, -- the agent of its oldest state
    newest.scheduler_id, -- the contact who booked
    contacts.company as visitor_company, -- the visitor's company; null while unknown
    contacts.email_domain as visitor_email_domain, -- lower case; null where hashed or dropped
    newest.conversation_id, -- the conversation in which it was booked
    conversations.playbook_id, -- the playbook that conversation came from; null while unknown
    playbooks.playbook_name, -- the playbook's name; null while unknown
    newest.booked_by_id, -- the Drift user who booked for the visitor; null where the visitor did
    bookers.user_name as booked_by_name, -- that user's name; null while unknown
    newest.event_id, -- the calendar's event
    newest.status, -- Drift's status, as sent
    newest.meeting_source, -- where it was booked; UNKNOWN where absent
    newest.meeting_type, -- the kind of meeting; UNKNOWN where absent
    newest.end_user_time_zone, -- the visitor's time zone, as sent
    newest.meeting_notes, -- the notes, as sent
    states.booked_at, -- when it was booked: scheduled_at, or the oldest updated_at (UTC)
    newest.slot_start_at, -- when it starts (UTC)
    newest.slot_end_at, -- when it ends (UTC)
    newest.updated_at, -- when its newest state came about (UTC)
    states.first_slot_start_at, -- when it was to start in its oldest state (UTC)
    states.canceled_at, -- updated_at of the state that canceled it; null while not canceled (UTC)
    states.delisted_at, -- start of the sync that first missed it; null while not missed (UTC)
    states.is_canceled, -- the status, ignoring case, is CANCELED or CANCELLED
    states.is_listed, -- the last complete read returned it, or its start was too old for that
    states.reschedule_count > 0 as is_rescheduled, -- its start ever moved
    newest.booked_by_id is null as is_self_booked, -- no Drift user booked it for the visitor
    states.is_due, -- its start has passed, whatever became of it
    coalesce(states.cancel_notice_hours < 24, false)
        as is_late_canceled, -- canceled less than 24 hours before its start, or after it
    rebooked.meeting_id is not null as is_rebooked, -- lost; its visitor booked again in 14 days
    states.is_settled_loss, -- lost, and these 14 days have passed: is_rebooked stays as it is
    states.is_observed, -- booked since the first sync: every move of it was seen
    states.reschedule_count, -- times its start moved from one state to the next
    states.version_count, -- states known
    states.visitor_booking_number, -- 1 for the visitor's first booking; null without a visitor
    states.meeting_state, -- canceled, delisted, upcoming, in_progress or elapsed
    states.is_lost, -- canceled or delisted
    case
        when newest.slot_end_at >= newest.slot_start_at
            then date_sub('microsecond', newest.slot_start_at, newest.slot_end_at) / 60000000.0
    end as duration_minutes, -- from start to end; null where one is absent, or the end is first
    date_sub('microsecond', states.booked_at, newest.slot_start_at) / 3600000000.0
        as lead_time_hours, -- from booked_at to the start; negative where booked after it
    date_sub('microsecond', conversations.created_at, states.booked_at) / 60000000.0
        as time_to_book_minutes, -- from the conversation's start to booked_at
    states.cancel_notice_hours, -- from canceled_at to the start; null while not canceled
    states.booked_on, -- the day of booked_at
    states.booked_week_on, -- the Monday of that day
    states.booked_month_on, -- the first of its month
    states.meeting_on, -- the day of its start
    cast(newest.slot_start_at at time zone 'UTC' as timestamp)
    + (clocks.local_clock - clocks.utc_clock)
        as local_start_at, -- its start on the visitor's clock; null where the zone is unknown
    cast(newest.slot_start_at at time zone 'UTC' as timestamp)
    + (agent_clocks.local_clock - agent_clocks.utc_clock)
        as agent_local_start_at -- the same on the agent's clock
from bookings_internal.int_meeting_states as states
inner join bookings_internal.stg_meeting_versions as newest
    on states.meeting_id = newest.meeting_id and states.updated_at = newest.updated_at
    and states.sync_id = newest.sync_id and states.content_hash = newest.content_hash
left join bookings_internal.int_rebookings as rebooked on states.meeting_id = rebooked.meeting_id
left join bookings_internal.int_local_clocks as clocks
    on newest.known_time_zone = clocks.time_zone and newest.quarter_number = clocks.quarter_number
left join bookings.agents as agents on newest.agent_id = agents.agent_id
left join bookings_internal.int_local_clocks as agent_clocks
    on agents.known_time_zone = agent_clocks.time_zone
    and newest.quarter_number = agent_clocks.quarter_number
left join bookings_internal.stg_users as bookers on newest.booked_by_id = bookers.user_id
left join bookings_internal.stg_contacts as contacts on newest.scheduler_id = contacts.contact_id
left join bookings_internal.stg_conversations as conversations
    on newest.conversation_id = conversations.conversation_id
left join bookings_internal.stg_playbooks as playbooks
    on conversations.playbook_id = playbooks.playbook_id
