-- What stands in the books of another branch at the end of a marked day ($2) than the one that keeps its owner then: where the day booked it,
-- or where it stood the evening before. Only accounts are looked at whose lines of the day, or whose keeper, say that it might be so.
-- $3 keeps whoever never had an employer.
WITH line AS MATERIALIZED (
    SELECT p.account_id, p.subject, a.owner_id, coalesce(nullif(p.branch_id, 0::smallint), j.branch_id) AS branch_id,
           sum(p.amount_fen) AS fen
      FROM posting p
      JOIN journal j ON j.centre_id = $1
                    AND j.journal_id = p.journal_id
                    AND j.business_date = $2
      JOIN ledger_account a ON a.centre_id = $1
                           AND a.account_id = p.account_id
     WHERE p.centre_id = $1
       AND p.business_date = $2
       AND p.subject IN (201, 21901, 21902)
     GROUP BY 1, 2, 3, 4
),
-- Employers that another branch keeps since this day, or since one after it: what holds now is no longer this day's.
gone AS MATERIALIZED (
    SELECT DISTINCT e.employer_id
      FROM employer_day e
     WHERE e.centre_id = $1
       AND e.from_day >= $2
       AND e.branch_id <> branch_of_employer($1, e.employer_id, $2 - 1)
),
-- Whose membership began, ended or went elsewhere.
changed AS MATERIALIZED (
    SELECT DISTINCT d.person_id
      FROM membership_day d
      LEFT JOIN LATERAL (SELECT employer_id, state
                           FROM membership_day
                          WHERE centre_id = $1
                            AND membership_id = d.membership_id
                            AND from_day < d.from_day
                          ORDER BY from_day DESC
                          LIMIT 1) AS before ON true
     WHERE d.centre_id = $1
       AND d.from_day >= $2
       AND (before.employer_id IS NULL OR before.employer_id <> d.employer_id OR (before.state = 9) <> (d.state = 9))
),
person AS (
    SELECT person_id FROM changed
     UNION
    SELECT m.person_id FROM membership m JOIN gone USING (employer_id) WHERE m.centre_id = $1
     UNION
    SELECT l.owner_id
      FROM line l
      LEFT JOIN membership m ON m.centre_id = $1
                            AND m.person_id = l.owner_id
                            AND m.state <> 9
      LEFT JOIN employer e ON e.centre_id = $1
                          AND e.employer_id = m.employer_id
     WHERE l.subject = 201
       AND e.branch_id IS DISTINCT FROM l.branch_id
),
employer_of AS (
    SELECT employer_id FROM gone
     UNION
    SELECT e.employer_id
      FROM line l
      JOIN employer e ON e.centre_id = $1
                     AND e.employer_id = l.owner_id
     WHERE l.subject <> 201
       AND e.branch_id <> l.branch_id
),
keeper AS (
    SELECT person_id AS owner_id, coalesce(branch_of_person($1, person_id, $2 - 1), $3) AS stood,
           coalesce(branch_of_person($1, person_id, $2), $3) AS stands
      FROM person
     UNION ALL
    SELECT employer_id, branch_of_employer($1, employer_id, $2 - 1), branch_of_employer($1, employer_id, $2)
      FROM employer_of
),
looked_at AS MATERIALIZED (
    SELECT a.account_id, a.subject, k.stood, k.stands, a.balance_fen
      FROM keeper k
      JOIN ledger_account a ON a.centre_id = $1
                           AND a.owner_id = k.owner_id
                           AND a.kind IN (1, 2, 3, 11, 12)
),
-- By branch: what stood there the evening before, and what the day booked there.
standing AS (
    SELECT account_id, stood AS branch_id,
           -balance_fen - coalesce((SELECT sum(p.amount_fen)
                                      FROM posting p
                                     WHERE p.centre_id = $1
                                       AND p.account_id = k.account_id
                                       AND p.subject IN (201, 12101, 122, 11102, 21901, 21902)
                                       AND p.business_date >= $2), 0) AS fen
      FROM looked_at k
     UNION ALL
    SELECT account_id, branch_id, fen
      FROM line
)
SELECT k.account_id, k.subject, s.branch_id AS from_branch, k.stands AS to_branch, sum(s.fen)::bigint AS fen
  FROM looked_at k
  JOIN standing s USING (account_id)
 WHERE s.branch_id <> k.stands
 GROUP BY k.account_id, k.subject, s.branch_id, k.stands
HAVING sum(s.fen) <> 0
 ORDER BY k.account_id, s.branch_id
