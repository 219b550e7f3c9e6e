-- I3 for the accounts without a running balance: sealed sums against postings, carried forward.
WITH sealed AS (
    SELECT business_date, row_number() OVER (ORDER BY business_date) AS nth
      FROM day_close
     WHERE centre_id = $1
       AND state = 2
),
moved AS (
    SELECT p.business_date, p.account_id,
           coalesce(sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) <> p.red), 0) AS debit_fen,
           coalesce(-sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) = p.red), 0) AS credit_fen
      FROM posting p
      JOIN ledger_account a ON a.centre_id = p.centre_id
                           AND a.account_id = p.account_id
                           AND NOT a.running
      JOIN sealed USING (business_date)
     WHERE p.centre_id = $1
     GROUP BY p.business_date, p.account_id
),
stored AS (
    SELECT d.business_date, d.account_id, d.debit_fen, d.credit_fen, d.closing_fen, s.nth,
           lag(d.closing_fen, 1, 0::bigint) OVER history AS opening_fen, lag(s.nth) OVER history AS before
      FROM account_sum d
      JOIN sealed s USING (business_date)
     WHERE d.centre_id = $1
    WINDOW history AS (PARTITION BY d.account_id ORDER BY d.business_date)
)
SELECT 'I3' AS invariant, format('账户 %s，%s', account_id, business_date) AS place,
       format('日结借 %s 贷 %s、期末 %s，由分录重算应为借 %s 贷 %s，期初 %s', t.debit_fen, t.credit_fen, t.closing_fen,
              m.debit_fen, m.credit_fen, t.opening_fen) AS detail
  FROM stored t
  FULL JOIN moved m USING (business_date, account_id)
 WHERE (coalesce(t.debit_fen, 0), coalesce(t.credit_fen, 0)) <> (coalesce(m.debit_fen, 0), coalesce(m.credit_fen, 0))
    OR t.closing_fen <> t.opening_fen + t.debit_fen - t.credit_fen
    OR t.before <> t.nth - 1
 LIMIT 100
