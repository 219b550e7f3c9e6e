-- $1 centre, $2 the person himself, who is not counted, $3 withdrawn since, $4 months from which on it is not short
-- Of his employers' people those who withdrew for having left, or for a home, since then, and had fewer months on their account than that; the
-- count ends at 100. Who left more than a month ago is held by the centre (集中封存), which is nobody's employer: those before it are asked about.
SELECT count(*)
  FROM (SELECT
          FROM membership m
         WHERE m.centre_id = $1 AND m.person_id <> $2
           AND m.employer_id IN (SELECT w.employer_id
                                   FROM membership w
                                   JOIN employer e ON e.centre_id = w.centre_id AND e.employer_id = w.employer_id
                                  WHERE w.centre_id = $1 AND w.person_id = $2 AND NOT e.holding)
           AND EXISTS (SELECT
                         FROM withdrawal_use u
                        WHERE u.centre_id = $1 AND u.person_id = m.person_id AND u.state IN (1, 2) AND u.used_on >= $3
                          AND u.kind IN ('LEAVE_2Y', 'LEAVE_NONLOCAL', 'PURCHASE', 'DOWNPAY'))
           AND (SELECT count(*)
                  FROM (SELECT DISTINCT l.month
                          FROM remittance_line l
                          JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                         WHERE l.centre_id = $1 AND l.account_id = m.account_id
                         LIMIT $4) AS paid) < $4
         LIMIT 100) AS short
