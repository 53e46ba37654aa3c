-- How many people booked in each group, and how many of them came back.
-- grain: one row per dimension and group_key
-- columns:
--   dimension: agent, source or meeting_type
--   group_key: the agent's id as text, the source or the type; UNKNOWN where absent
--   visitors: distinct scheduler_id; meetings without one are left out
--   repeat_visitors: of these, with two bookings or more in the group
with visitors as (
    select
        dimension,
        group_key,
        scheduler_id,
        count(*) as bookings
    from bookings.stg_group_members
    group by dimension, group_key, scheduler_id
)

select
    dimension,
    group_key,
    count(scheduler_id) as visitors,
    count(case when scheduler_id is not null and bookings > 1 then 1 end) as repeat_visitors
from visitors
group by dimension, group_key
