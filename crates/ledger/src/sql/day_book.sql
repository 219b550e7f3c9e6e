SELECT p.journal_id, j.event, j.case_id, p.account_id, a.kind, a.owner_id, p.subject, p.part, p.amount_fen, p.red, p.value_date
  FROM posting p
  JOIN journal j ON j.centre_id = p.centre_id AND j.journal_id = p.journal_id AND j.business_date = p.business_date
  JOIN ledger_account a ON a.centre_id = p.centre_id AND a.account_id = p.account_id
 WHERE p.centre_id = $1
   AND p.business_date = $2
   AND j.business_date = $2
 ORDER BY p.journal_id, p.amount_fen DESC, p.account_id, p.part
