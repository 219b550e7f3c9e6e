WITH base AS (
    SELECT max(business_date) AS day
      FROM day_close
     WHERE centre_id = $1
       AND state = 2
       AND business_date < $2
),
-- Postings after the last sealed day: of the days between, and of the day itself unless its sums are sealed.
fresh AS (
    SELECT p.subject, p.amount_fen, p.red, p.business_date = $2 AS of_the_day
      FROM posting p
     WHERE p.centre_id = $1
       AND p.business_date > coalesce((SELECT day FROM base), '-infinity')
       AND p.business_date <= $2
       AND (NOT $4 OR p.business_date < $2)
       AND ($3::smallint IS NULL
            OR EXISTS (SELECT FROM journal j
                        WHERE j.centre_id = $1
                          AND j.journal_id = p.journal_id
                          AND j.business_date = p.business_date
                          AND coalesce(nullif(p.branch_id, 0::smallint), j.branch_id) = $3))
),
figure AS (
    SELECT subject, closing_fen AS opening, 0::bigint AS debit, 0::bigint AS credit
      FROM day_sum
     WHERE centre_id = $1
       AND business_date = (SELECT day FROM base)
       AND ($3::smallint IS NULL OR branch_id = $3)
     UNION ALL
    SELECT subject, 0, debit_fen, credit_fen
      FROM day_sum
     WHERE centre_id = $1
       AND business_date = $2
       AND $4
       AND ($3::smallint IS NULL OR branch_id = $3)
     UNION ALL
    SELECT subject,
           coalesce(sum(amount_fen) FILTER (WHERE NOT of_the_day), 0),
           coalesce(sum(amount_fen) FILTER (WHERE of_the_day AND (amount_fen > 0) <> red), 0),
           coalesce(-sum(amount_fen) FILTER (WHERE of_the_day AND (amount_fen > 0) = red), 0)
      FROM fresh
     GROUP BY subject
)
SELECT subject, sum(opening)::bigint AS opening_fen, sum(debit)::bigint AS debit_fen, sum(credit)::bigint AS credit_fen
  FROM figure
 GROUP BY subject
