-- The booking metrics of each playbook that conversations came from.
-- grain: playbook_id
select
    metrics.group_key as playbook_id, -- the playbook; UNKNOWN where there is none or it is unknown
    metrics.group_name as playbook_name, -- the playbook's name; its id while unknown
    metrics.* exclude (dimension, group_key, group_name)
from bookings.booking_metrics as metrics
where metrics.dimension = 'playbook'
