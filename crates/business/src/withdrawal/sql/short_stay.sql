-- $1 centre, $2 employer, $3 the person himself, who is not counted, $4 withdrawn since, $5 months from which on it is not short
-- Of the employer's people those who withdrew for having left, or for a home, since then, and had fewer months on their account than that;
-- the count ends at 100.
SELECT count(*)
  FROM (SELECT
          FROM membership m
         WHERE m.centre_id = $1 AND m.employer_id = $2 AND m.person_id <> $3
           AND EXISTS (SELECT
                         FROM withdrawal_use u
                        WHERE u.centre_id = $1 AND u.person_id = m.person_id AND u.state IN (1, 2) AND u.used_on >= $4
                          AND u.kind IN ('LEAVE_2Y', 'LEAVE_NONLOCAL', 'PURCHASE', 'DOWNPAY'))
           AND (SELECT count(*)
                  FROM (SELECT DISTINCT l.month
                          FROM remittance_line l
                          JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                         WHERE l.centre_id = $1 AND l.account_id = m.account_id
                         LIMIT $5) AS paid) < $5
         LIMIT 100) AS short
