-- Which e-mail domains do bookings come from?
select visitor_email_domain, count(*) as bookings, count(distinct scheduler_id) as visitors
from bookings.meetings
where visitor_email_domain is not null
group by visitor_email_domain
order by bookings desc, visitor_email_domain asc
limit 20
