-- What moved on an account by contribution year (缴存年度), which is the interest year. $1 centre, $2 account, $3 events that pay out.
-- The yearly interest belongs to the year that it ends: it is credited on 30 June with value of the day after, whenever it was booked.
-- The subjects stand here as in the index posting_account, which is partial.
WITH moved AS (
    SELECT p.part = 3 AS is_interest, j.event = ANY ($3) AS is_out, ledger_side(p.subject) * p.amount_fen AS fen,
           CASE WHEN j.event = 72 THEN p.value_date - 1 ELSE p.business_date END AS day
      FROM posting p
      JOIN journal j ON j.centre_id = $1
                    AND j.journal_id = p.journal_id
                    AND j.business_date = p.business_date
     WHERE p.centre_id = $1
       AND p.account_id = $2
       AND p.subject IN (201, 12101, 122, 11102, 21901, 21902)
)
SELECT extract(year FROM interest_year(day))::integer AS year,
       coalesce(sum(fen) FILTER (WHERE NOT is_interest AND NOT is_out), 0)::bigint AS in_fen,
       coalesce(sum(fen) FILTER (WHERE is_interest), 0)::bigint AS interest_fen,
       coalesce(-sum(fen) FILTER (WHERE NOT is_interest AND is_out), 0)::bigint AS out_fen
  FROM moved
 GROUP BY 1
 ORDER BY 1
