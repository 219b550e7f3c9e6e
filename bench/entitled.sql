-- Who may withdraw for rent as far as the books know, written by hand: one sequential scan of the population with the conditions of
-- policy/chongqing/withdraw-rent.toml that stand on our own books (CMN-02 to CMN-14, RENT-01, RENT-05), by branch and district.
SELECT p.branch_id, p.district, count(*) AS people
  FROM population p,
       LATERAL (SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date AS today, floor(extract(epoch FROM now()))::bigint AS seconds) AS clock
 WHERE p.centre_id = 1
   AND p.state IN ('active', 'sealed')
   AND (p.listed_until IS NULL OR p.listed_until < clock.today)
   AND NOT p.whole_freeze
   AND p.paying_cases = 0
   AND NOT p.transferring_out
   AND NOT p.remote_mark
   AND p.opened_on <= clock.today
   AND (p.phone_changed IS NULL OR clock.seconds - p.phone_changed >= 24 * 3600)
   AND p.continuous_months >= 3
   AND p.last_month >= extract(year FROM clock.today)::int * 12 + extract(month FROM clock.today)::int - 1 - 2
   AND (p.last_rent_claim IS NULL OR clock.today >= p.last_rent_claim + interval '12 months')
 GROUP BY p.branch_id, p.district
 ORDER BY p.branch_id, p.district
