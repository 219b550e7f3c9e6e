-- I5 by branch: on the last sealed day, what the people and employers of each branch own against what its books say. $2 as in
-- branch_follow.sql.
WITH sealed AS (
    SELECT max(business_date) AS day
      FROM day_close
     WHERE centre_id = $1
       AND state = 2
),
membership_then AS (
    SELECT DISTINCT ON (m.person_id) m.person_id, m.employer_id
      FROM (SELECT DISTINCT ON (membership_id) membership_id, person_id, employer_id, state
              FROM membership_day
             WHERE centre_id = $1
               AND from_day <= (SELECT day FROM sealed)
             ORDER BY membership_id, from_day DESC) AS m
     ORDER BY m.person_id, m.state <> 9 DESC, m.membership_id DESC
),
employer_then AS (
    SELECT DISTINCT ON (employer_id) employer_id, branch_id
      FROM employer_day
     WHERE centre_id = $1
       AND from_day <= (SELECT day FROM sealed)
     ORDER BY employer_id, from_day DESC
),
later AS (
    SELECT account_id, sum(amount_fen) AS fen
      FROM posting
     WHERE centre_id = $1
       AND business_date > (SELECT day FROM sealed)
     GROUP BY account_id
),
owned AS (
    SELECT coalesce(e.branch_id, $2) AS branch_id, a.subject, sum(a.balance_fen + coalesce(l.fen, 0)) AS fen
      FROM ledger_account a
      LEFT JOIN membership_then m ON m.person_id = a.owner_id
      LEFT JOIN employer_then e ON e.employer_id = coalesce(m.employer_id, a.owner_id)
      LEFT JOIN later l USING (account_id)
     WHERE a.centre_id = $1
       AND a.kind IN (1, 2, 3, 11, 12)
     GROUP BY 1, 2
),
booked AS (
    SELECT branch_id, subject, -closing_fen AS fen
      FROM day_sum
     WHERE centre_id = $1
       AND business_date = (SELECT day FROM sealed)
       AND subject IN (201, 21901, 21902)
)
SELECT branch_id, subject, coalesce(o.fen, 0)::bigint AS owned_fen, coalesce(b.fen, 0)::bigint AS booked_fen
  FROM owned o
  FULL JOIN booked b USING (branch_id, subject)
 WHERE coalesce(o.fen, 0) <> coalesce(b.fen, 0)
   AND (SELECT day FROM sealed) IS NOT NULL
 ORDER BY branch_id, subject
