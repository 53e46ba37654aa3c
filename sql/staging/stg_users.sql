-- The users of the Drift organisation, past ones included.
-- grain: user_id
select
    id as user_id, -- the Drift user
    name as user_name, -- the user's name; null while unknown
    email as user_email, -- the user's e-mail address, or its hash; null while unknown
    time_zone, -- the user's time zone, as sent
    known_time_zone, -- the same, null unless every engine knows it
    created_at, -- when the user was created (UTC); null while unknown
    is_current, -- whether Drift still lists the user
    not coalesce(is_gone, false) as is_known -- whether Drift has said who it is
from drift.users
