-- The subjects stand here as in the index posting_account, which is partial.
WITH moved AS (
    SELECT journal_id, business_date, min(value_date) AS value_date,
           (ledger_side(min(subject)) * sum(amount_fen))::bigint AS amount_fen
      FROM posting
     WHERE centre_id = $1
       AND account_id = $2
       AND subject IN (201, 12101, 122, 11102, 21901, 21902)
       AND business_date <= $4
     GROUP BY journal_id, business_date
    HAVING sum(amount_fen) <> 0                    -- from one branch's books to another's: nothing to its holder
),
entry AS (
    SELECT m.business_date, j.made_at, m.journal_id, m.value_date, j.event, j.month, m.amount_fen,
           (sum(m.amount_fen) OVER (ORDER BY m.business_date, j.made_at, m.journal_id))::bigint AS balance_fen,
           j.case_id, j.reverses
      FROM moved m
      JOIN journal j ON j.centre_id = $1
                    AND j.journal_id = m.journal_id
                    AND j.business_date = m.business_date
)
SELECT business_date, made_at, journal_id, value_date, event, month, amount_fen, balance_fen, case_id, reverses
  FROM entry
 WHERE business_date >= $3
   AND ($5::date IS NULL OR (business_date, made_at, journal_id) > ($5::date, $6::timestamptz, $7::bigint))
 ORDER BY business_date, made_at, journal_id
 LIMIT $8
