-- The text of one journal, as journal_digests.sql draws it: whoever has it can draw the digest again.
SELECT string_agg(
           format('%s %s %s %s %s %s%s', p.account_id, p.subject, p.part, p.amount_fen, p.value_date, p.red::integer,
                  CASE WHEN p.branch_id <> 0 THEN ' ' || p.branch_id ELSE '' END), E'\n'
           ORDER BY p.account_id, p.subject, p.part, p.amount_fen, p.value_date, p.red, p.branch_id)
  FROM posting p
 WHERE p.centre_id = $1
   AND p.business_date = $2
   AND p.journal_id = $3
