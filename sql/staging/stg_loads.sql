-- What was loaded whole: complete reads, and what else brought versions. Other rows count nowhere.
-- grain: sync_id
select sync_id -- the sync, or the import
from drift.syncs
where _dlt_load_id in (select load_id from drift._dlt_loads where status = 0)
union all
select sync_id
from drift.imports
where _dlt_load_id in (select load_id from drift._dlt_loads where status = 0)
