-- I20: the vouchers of a month run from 1 without gap; each sums the journals of its day, and every journal has one.
WITH counted AS (
    SELECT month, min(number) AS first, max(number) AS last, count(*) AS vouchers
      FROM voucher
     WHERE centre_id = $1
     GROUP BY month
),
journal_sum AS (
    SELECT j.business_date, j.event, j.branch_id,
           coalesce(min(p.account_id) FILTER (WHERE p.subject IN (10101, 10102, 10201, 10202)), 0) AS bank_account_id,
           count(*) AS lines, coalesce(sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) <> p.red), 0) AS debit_fen
      FROM journal j
      JOIN posting p ON p.centre_id = j.centre_id
                    AND p.journal_id = j.journal_id
                    AND p.business_date = j.business_date
      JOIN day_close d ON d.centre_id = j.centre_id
                      AND d.business_date = j.business_date
                      AND d.state = 2
     WHERE j.centre_id = $1
     GROUP BY j.journal_id, j.business_date, j.event, j.branch_id
),
due AS (
    SELECT business_date, event, branch_id, bank_account_id, count(*) AS journals, sum(lines) AS lines,
           sum(debit_fen) AS debit_fen
      FROM journal_sum
     GROUP BY business_date, event, branch_id, bank_account_id
)
(SELECT 'I20' AS invariant, format('%s-%s 月', month / 12, lpad((month % 12 + 1)::text, 2, '0')) AS place,
        format('共 %s 张凭单，编号从 %s 到 %s：应从 1 起连续', vouchers, first, last) AS detail
   FROM counted
  WHERE first <> 1
     OR last <> vouchers)
UNION ALL
(SELECT 'I20', format('%s 的凭单 E%s，网点 %s，银行账户 %s', business_date, lpad(event::text, 2, '0'),
                      branch_id, bank_account_id),
        format('凭单记 %s 张、%s 行、%s 分；由凭证重算应为 %s 张、%s 行、%s 分', v.journals, v.lines, v.debit_fen, d.journals,
               d.lines, d.debit_fen)
   FROM (SELECT business_date, event, branch_id, bank_account_id, journals, lines, debit_fen, credit_fen
           FROM voucher
          WHERE centre_id = $1) AS v
   FULL JOIN due d USING (business_date, event, branch_id, bank_account_id)
  WHERE (v.journals, v.lines, v.debit_fen) IS DISTINCT FROM (d.journals, d.lines, d.debit_fen)
     OR v.debit_fen <> v.credit_fen
  LIMIT 100)
