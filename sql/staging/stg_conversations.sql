-- The conversations in which meetings were booked, as far as they have been read.
-- grain: conversation_id
select
    id as conversation_id, -- the conversation
    playbook_id, -- the playbook that it came from, as text; null where there is none
    created_at -- when it began (UTC)
from drift.conversations
