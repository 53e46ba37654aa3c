-- Which companies come back? A repeat visitor has booked twice or more.
select company, count(*) as visitors, count(*) filter (where bookings > 1) as repeat_visitors
from (
    select visitor_company as company, scheduler_id, count(*) as bookings from bookings.meetings
    where visitor_company is not null group by visitor_company, scheduler_id
) as people
group by company
order by repeat_visitors desc, visitors desc, company asc limit 20
