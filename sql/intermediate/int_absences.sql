-- The meetings that the last complete read did not return, and which of them it should have: those
-- that start a day or more inside its window. Nobody knows how far exactly a read sees back.
-- A meeting known from files alone counts by the first read after its newest state.
-- grain: meeting_id
with listings as (
    select meeting_id, sync_id, is_listed
    from bookings_internal.stg_listings
    qualify row_number() over (partition by meeting_id order by sync_id desc) = 1
),

unlisted as (
    select listings.meeting_id, syncs.started_at, syncs.absent_from, syncs.window_to
    from listings
    inner join bookings_internal.stg_syncs as syncs on listings.sync_id = syncs.sync_id
    where not listings.is_listed
),

absent as (
    select versions.meeting_id, versions.updated_at, versions.slot_start_at, versions.is_from_files
    from bookings_internal.int_version_changes as versions
    left join listings on versions.meeting_id = listings.meeting_id
    where versions.is_newest and not coalesce(listings.is_listed, false)
),

moments as (
    select meeting_id, updated_at as seen_at, cast(null as timestamptz) as read_at
    from absent
    where is_from_files
    union all
    select null as meeting_id, started_at as seen_at, started_at as read_at
    from bookings_internal.stg_syncs
),

next_reads as (
    select
        meeting_id,
        min(read_at) over (
            order by seen_at asc nulls first, read_at asc nulls first
            rows between current row and unbounded following
        ) as read_at
    from moments
),

reads as (
    select started_at, absent_from, window_to
    from bookings_internal.stg_syncs
    qualify row_number() over (partition by started_at order by sync_id) = 1
)

select
    absent.meeting_id, -- the meeting
    case
        when absent.slot_start_at between unlisted.absent_from and unlisted.window_to
            then unlisted.started_at
        when next_reads.meeting_id is not null then case
            when coalesce(absent.slot_start_at between reads.absent_from and reads.window_to, true)
                then reads.started_at
        end
        when absent.slot_start_at between now.absent_from and now.window_to then now.now_at
        when absent.slot_start_at is null then coalesce(unlisted.started_at, now.now_at)
    end as delisted_at -- start of the sync that first missed it (UTC); null where it is too old
from absent
left join unlisted on absent.meeting_id = unlisted.meeting_id
left join next_reads on absent.meeting_id = next_reads.meeting_id
left join reads on next_reads.read_at = reads.started_at
cross join bookings_internal.int_now as now
