-- The groups of every dimension that have bookings, and what the report calls each: words for codes
-- such as EMAIL_DROP, with the code beside them. The page holds those of its own dimensions alone.
-- grain: dimension, group_key
with named as (
    select
        metrics.dimension,
        metrics.group_key,
        metrics.bookings,
        case
            when metrics.dimension = 'agent' then coalesce(agents.agent_name, metrics.group_name)
            when metrics.group_key = 'UNKNOWN' then case metrics.dimension
                when 'team' then 'No team'
                when 'playbook' then 'No playbook known'
                else 'Not known'
            end
            when metrics.dimension not in ('source', 'meeting_type') then metrics.group_name
            when metrics.group_key = upper(metrics.group_key)
                and metrics.group_key <> lower(metrics.group_key)
                then upper(substr(metrics.group_key, 1, 1))
                || lower(replace(substr(metrics.group_key, 2), '_', ' '))
                || ' (' || metrics.group_key || ')'
            else metrics.group_key
        end as display_name
    from bookings.booking_metrics as metrics
    left join bookings_internal.report_agents as agents
        on metrics.dimension = 'agent' and metrics.group_key = agents.agent_key
    where metrics.dimension <> 'all'
),

counted as (
    select *, count(*) over (partition by dimension, display_name) as namesakes from named
)

select
    dimension, -- agent, source, meeting_type, team, playbook, or one of your own
    group_key, -- the id as text, the source or the type; UNKNOWN where absent
    case when namesakes > 1 then display_name || ' (' || group_key || ')' else display_name end
        as display_name, -- what the report calls it; no two are called the same
    bookings -- its bookings
from counted
