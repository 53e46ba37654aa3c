-- The meetings that were booked, each as its newest version shows it.
-- grain: one row per meeting
-- looked up by: meeting_id, booked_on, agent_id
-- columns:
--   meeting_id: the meeting (Drift's slug)
--   org_id: the Drift organisation
--   agent_id: the Drift user who takes the meeting; null while nobody is assigned
--   agent_name: the agent's name; null while unknown
--   agent_email: the agent's e-mail address, or its hash; null while unknown
--   scheduler_id: the contact who booked
--   conversation_id: the conversation in which it was booked
--   playbook_id: the playbook which that conversation came from; null while unknown
--   booked_by_id: the Drift user who booked for the visitor; null where the visitor booked alone
--   event_id: the calendar's event
--   status: Drift's status, as sent
--   meeting_source: where it was booked, as sent; null where absent
--   meeting_type: kind of meeting, as sent; null where absent
--   end_user_time_zone: the visitor's time zone, as sent
--   meeting_notes: the notes, as sent
--   booked_at: when it was booked: scheduled_at; where absent, the oldest updated_at (UTC)
--   slot_start_at: when it starts (UTC)
--   slot_end_at: when it ends (UTC)
--   updated_at: when its newest version came to be (UTC)
--   first_slot_start_at: when it was to start in its oldest version (UTC)
--   canceled_at: updated_at of the version that cancelled it; null while not cancelled (UTC)
--   is_canceled: whether the status, ignoring case, is CANCELED or CANCELLED
--   is_listed: whether the last complete read returned it, or its slot was too old to be returned
--   is_rescheduled: whether its start ever moved
--   is_self_booked: whether no Drift user booked it for the visitor
--   reschedule_count: times its start moved from one version to the next
--   version_count: versions known
--   meeting_state: canceled, delisted, upcoming, in_progress or elapsed, as of the newest sync
--   duration_minutes: minutes from start to end; null where one is absent, or end is before start
--   lead_time_hours: hours from booked_at to the start; negative where booked after the start
--   time_to_book_minutes: minutes from the conversation's start to booked_at; null while unknown
--   booked_on: the day of booked_at, in bookings.time_zone
--   meeting_on: the day of slot_start_at, in bookings.time_zone
--   local_start_at: the start on the visitor's clock, without zone; null where the zone is unknown
select
    newest.slug as meeting_id,
    newest.org_id,
    newest.agent_id,
    agents.agent_name,
    agents.agent_email,
    newest.scheduler_id,
    newest.conversation_id,
    conversations.playbook_id,
    newest.booked_by as booked_by_id,
    newest.event_id,
    newest.status,
    newest.meeting_source,
    newest.meeting_type,
    newest.end_user_time_zone,
    newest.meeting_notes,
    facts.booked_at,
    newest.slot_start as slot_start_at,
    newest.slot_end as slot_end_at,
    newest.updated_at,
    facts.first_slot_start_at,
    facts.canceled_at,
    facts.is_canceled,
    facts.is_listed,
    facts.reschedule_count > 0 as is_rescheduled,
    newest.booked_by is null as is_self_booked,
    facts.reschedule_count,
    facts.version_count,
    facts.meeting_state,
    case
        when newest.slot_end >= newest.slot_start
            then date_diff('microsecond', newest.slot_start, newest.slot_end) / 60000000.0
    end as duration_minutes,
    date_diff('microsecond', facts.booked_at, newest.slot_start) / 3600000000.0 as lead_time_hours,
    date_diff('microsecond', conversations.created_at, facts.booked_at) / 60000000.0
        as time_to_book_minutes,
    facts.booked_on,
    facts.meeting_on,
    cast(newest.slot_start at time zone newest.known_time_zone as timestamp) as local_start_at
from bookings.stg_meetings as facts
inner join drift.meeting_versions as newest
    on
        facts.meeting_id = newest.slug
        and facts.updated_at = newest.updated_at
        and facts.sync_id = newest.sync_id
        and facts.content_hash = newest.content_hash
left join bookings.stg_agents as agents on newest.agent_id = agents.agent_id
left join drift.conversations as conversations
    on newest.conversation_id = conversations.id
