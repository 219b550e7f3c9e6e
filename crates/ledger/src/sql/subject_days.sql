-- $1 centre, $2 subject, $3 and $4 the first and the last day, $5 the branch or nothing for the centre
-- Sealed days as they were sealed; the days after them with their postings so far.
WITH sealed AS (
    SELECT max(business_date) AS day
      FROM day_close
     WHERE centre_id = $1
       AND state = 2
)
SELECT business_date, sum(debit_fen)::bigint AS debit_fen, sum(credit_fen)::bigint AS credit_fen
  FROM (SELECT business_date, debit_fen, credit_fen
          FROM day_sum
         WHERE centre_id = $1
           AND business_date BETWEEN $3 AND $4
           AND subject = $2
           AND ($5::smallint IS NULL OR branch_id = $5)
           AND postings > 0
         UNION ALL
        SELECT p.business_date,
               CASE WHEN (p.amount_fen > 0) <> p.red THEN p.amount_fen ELSE 0 END,
               CASE WHEN (p.amount_fen > 0) = p.red THEN -p.amount_fen ELSE 0 END
          FROM posting p
         WHERE p.centre_id = $1
           AND p.business_date > coalesce((SELECT day FROM sealed), '-infinity')
           AND p.business_date BETWEEN $3 AND $4
           AND p.subject = $2
           AND ($5::smallint IS NULL
                OR EXISTS (SELECT FROM journal j
                            WHERE j.centre_id = $1
                              AND j.journal_id = p.journal_id
                              AND j.business_date = p.business_date
                              AND coalesce(nullif(p.branch_id, 0::smallint), j.branch_id) = $5))) AS moved
 GROUP BY business_date
 ORDER BY business_date
