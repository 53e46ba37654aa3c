-- Every meeting in each group that it counts in: one of each dimension, of team in one or more.
-- booking_metrics counts these rows; ask them for a metric of your own.
-- grain: dimension, group_key, meeting_id
-- materialized: view
select
    'all' as dimension, -- what meetings are grouped by, such as agent; all for all of them
    'all' as group_key, -- the group: an id as text, a source, a type; UNKNOWN where absent
    'all' as group_name, -- what a person would call it; the key where there is no name
    meetings.*
from bookings.meetings as meetings
union all
select
    'agent' as dimension,
    coalesce(cast(meetings.agent_id as varchar), 'UNKNOWN') as group_key,
    coalesce(meetings.agent_name, cast(meetings.agent_id as varchar), 'Unassigned') as group_name,
    meetings.*
from bookings.meetings as meetings
union all
select
    'source' as dimension, meeting_source as group_key, meeting_source as group_name,
    meetings.*
from bookings.meetings as meetings
union all
select
    'meeting_type' as dimension, meeting_type as group_key, meeting_type as group_name,
    meetings.*
from bookings.meetings as meetings
union all
select
    'team' as dimension,
    coalesce(cast(teams.team_id as varchar), 'UNKNOWN') as group_key,
    coalesce(teams.team_name, cast(teams.team_id as varchar), 'UNKNOWN') as group_name,
    meetings.*
from bookings.meetings as meetings
left join bookings_internal.int_team_agents as teams on meetings.agent_id = teams.agent_id
union all
select
    'playbook' as dimension,
    coalesce(meetings.playbook_id, 'UNKNOWN') as group_key,
    coalesce(meetings.playbook_name, meetings.playbook_id, 'UNKNOWN') as group_name,
    meetings.*
from bookings.meetings as meetings
