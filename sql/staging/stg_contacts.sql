-- The people who book, as far as they have been read.
-- grain: contact_id
select
    id as contact_id, -- the contact: a meeting's scheduler_id
    company, -- the contact's company; null while unknown
    nullif(lower(right(email, nullif(strpos(reverse(email), '@'), 0) - 1)), '')
        as email_domain, -- what follows the last @; null where addresses are hashed or dropped
    coalesce(not is_gone, false) as is_known -- whether it could be read, and Drift still knows it
from drift.contacts
