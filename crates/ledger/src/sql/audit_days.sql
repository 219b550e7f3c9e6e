-- I2, I3, I10: the sums of each sealed day are those of its postings, carry the day before forward, and balance.
WITH sealed AS (
    SELECT business_date, row_number() OVER (ORDER BY business_date) AS nth
      FROM day_close
     WHERE centre_id = $1
       AND state = 2
),
moved AS (
    SELECT p.business_date, coalesce(nullif(p.branch_id, 0::smallint), j.branch_id) AS branch_id, p.subject,
           coalesce(sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) <> p.red), 0) AS debit_fen,
           coalesce(-sum(p.amount_fen) FILTER (WHERE (p.amount_fen > 0) = p.red), 0) AS credit_fen
      FROM posting p
      JOIN journal j ON j.centre_id = p.centre_id
                    AND j.journal_id = p.journal_id
                    AND j.business_date = p.business_date
     WHERE p.centre_id = $1
     GROUP BY 1, 2, p.subject
),
stored AS (
    SELECT d.business_date, d.branch_id, d.subject, d.debit_fen, d.credit_fen, d.closing_fen, s.nth,
           lag(d.closing_fen, 1, 0::bigint) OVER history AS opening_fen, lag(s.nth) OVER history AS before
      FROM day_sum d
      JOIN sealed s USING (business_date)
     WHERE d.centre_id = $1
    WINDOW history AS (PARTITION BY d.branch_id, d.subject ORDER BY d.business_date)
)
(SELECT 'I3' AS invariant, format('科目 %s，网点 %s，%s', subject, branch_id, business_date) AS place,
        format('发生额借 %s 贷 %s，由分录重算应为借 %s 贷 %s', t.debit_fen, t.credit_fen, m.debit_fen, m.credit_fen) AS detail
   FROM stored t
   FULL JOIN (SELECT moved.* FROM moved JOIN sealed USING (business_date)) AS m
       USING (business_date, branch_id, subject)
  WHERE (coalesce(t.debit_fen, 0), coalesce(t.credit_fen, 0)) <> (coalesce(m.debit_fen, 0), coalesce(m.credit_fen, 0))
  LIMIT 100)
UNION ALL
(SELECT 'I3', format('科目 %s，网点 %s，%s', subject, branch_id, business_date),
        format('期末 %s 不等于前一天的 %s 加借 %s 减贷 %s', closing_fen, opening_fen, debit_fen, credit_fen)
   FROM stored
  WHERE closing_fen <> opening_fen + debit_fen - credit_fen
     OR before <> nth - 1
  LIMIT 100)
UNION ALL
(SELECT 'I2', format('%s 的日结', business_date),
        format('借 %s，贷 %s，余额合计 %s：借贷应相等，余额合计应为 0', sum(debit_fen), sum(credit_fen), sum(closing_fen))
   FROM stored
  GROUP BY business_date
 HAVING sum(debit_fen) <> sum(credit_fen)
     OR sum(closing_fen) <> 0
  LIMIT 100)
UNION ALL
(SELECT 'I10', format('%s 的日结', business_date), format('21907 剩 %s 分，日终应为 0', -sum(closing_fen))
   FROM stored
  WHERE subject = 21907
  GROUP BY business_date
 HAVING sum(closing_fen) <> 0
  LIMIT 100)
