-- In which months do visitors book again? By the month of their first known booking.
select first_month_on, booked_month_on, count(distinct scheduler_id) as visitors
from (
    select scheduler_id, booked_month_on,
        min(booked_month_on) over (partition by scheduler_id) as first_month_on
    from bookings.meetings where scheduler_id is not null
) as booked
group by first_month_on, booked_month_on order by first_month_on asc, booked_month_on asc
