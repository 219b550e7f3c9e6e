-- One digest for each journal of a day, over its lines in an order of their own: account, subject, part, amount, value date, red, and the branch
-- of a line that has one of its own.
SELECT j.journal_id, j.event, j.lines,
       sha256(convert_to(string_agg(
           format('%s %s %s %s %s %s%s', p.account_id, p.subject, p.part, p.amount_fen, p.value_date, p.red::integer,
                  CASE WHEN p.branch_id <> 0 THEN ' ' || p.branch_id ELSE '' END), E'\n'
           ORDER BY p.account_id, p.subject, p.part, p.amount_fen, p.value_date, p.red, p.branch_id), 'UTF8')) AS digest
  FROM journal j
  JOIN posting p ON p.centre_id = j.centre_id AND p.journal_id = j.journal_id AND p.business_date = j.business_date
 WHERE j.centre_id = $1
   AND j.business_date = $2
   AND p.business_date = $2
 GROUP BY j.journal_id, j.event, j.lines
 ORDER BY j.journal_id
