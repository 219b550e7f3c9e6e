-- $1 centre, $2 subject, $3 day, $4 the branch or nothing for the centre, $5 true for the debit side, false for the credit side, nothing for both,
-- $6 the journal after which to begin, $7 how many
-- One day's postings are read: its block ranges are found by posting_day.
SELECT j.journal_id, j.made_at, j.event, j.month, j.case_id, j.reverses, count(*) AS lines,
       coalesce(sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) <> p.red), 0)::bigint AS debit_fen,
       coalesce(-sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) = p.red), 0)::bigint AS credit_fen
  FROM posting p
  JOIN journal j ON j.centre_id = p.centre_id AND j.journal_id = p.journal_id AND j.business_date = p.business_date
 WHERE p.centre_id = $1
   AND p.business_date = $3
   AND j.business_date = $3
   AND p.subject = $2
   AND ($4::smallint IS NULL OR coalesce(nullif(p.branch_id, 0::smallint), j.branch_id) = $4)
   AND ($5::boolean IS NULL OR ((p.amount_fen > 0) <> p.red) = $5)
   AND ($6::bigint IS NULL OR j.journal_id > $6)
 GROUP BY j.journal_id, j.made_at, j.event, j.month, j.case_id, j.reverses
 ORDER BY j.journal_id
 LIMIT $7
