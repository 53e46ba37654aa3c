-- The playbooks of the Drift organisation, past ones included.
-- grain: playbook_id
select
    cast(id as varchar) as playbook_id, -- the playbook, as text
    name as playbook_name -- the playbook's name
from drift.playbooks
