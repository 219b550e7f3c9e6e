-- I5, I12, I22: every balance and hold, rebuilt from postings and holds.
WITH moved AS (
    SELECT account_id, min(subject) AS subject, max(subject) AS other_subject, sum(amount_fen) AS net_fen
      FROM posting
     WHERE centre_id = $1
     GROUP BY account_id
),
account AS (
    SELECT account_id, subject, running, balance_fen, frozen_fen, reserved_fen
      FROM ledger_account
     WHERE centre_id = $1
),
held AS (
    SELECT account_id, coalesce(sum(amount_fen) FILTER (WHERE kind = 1), 0) AS frozen_fen,
           coalesce(sum(amount_fen) FILTER (WHERE kind = 2), 0) AS reserved_fen
      FROM account_hold
     WHERE centre_id = $1
       AND released_at IS NULL
     GROUP BY account_id
)
(SELECT 'I22' AS invariant, format('账户 %s', account_id) AS place,
        CASE WHEN a.account_id IS NULL THEN '有它的分录，没有这个账户'
             ELSE format('分录记在科目 %s，账户属于科目 %s', least(m.subject, m.other_subject), a.subject) END
        AS detail
   FROM moved m
   LEFT JOIN account a USING (account_id)
  WHERE a.account_id IS NULL
     OR m.subject <> a.subject
     OR m.other_subject <> a.subject
  LIMIT 100)
UNION ALL
(SELECT 'I22', format('账户 %s', account_id),
        format('余额 %s 分，由分录重算应为 %s 分', a.balance_fen, coalesce(ledger_side(a.subject) * m.net_fen, 0))
   FROM account a
   LEFT JOIN moved m USING (account_id)
  WHERE a.running
    AND a.balance_fen <> coalesce(ledger_side(a.subject) * m.net_fen, 0)
  LIMIT 100)
UNION ALL
(SELECT 'I5', format('科目 %s', subject),
        format('账户合计 %s 分，由分录重算应为 %s 分', sum(a.balance_fen), ledger_side(subject) * sum(coalesce(m.net_fen, 0)))
   FROM account a
   LEFT JOIN (SELECT account_id, net_fen FROM moved) AS m USING (account_id)
  WHERE a.running
  GROUP BY subject
 HAVING sum(a.balance_fen) <> ledger_side(subject) * sum(coalesce(m.net_fen, 0)))
UNION ALL
(SELECT 'I12', format('账户 %s', account_id),
        format('余额 %s 分，预留 %s 分（预留记录合计 %s 分），冻结 %s 分（冻结记录合计 %s 分）', a.balance_fen, a.reserved_fen,
               coalesce(h.reserved_fen, 0), a.frozen_fen, coalesce(h.frozen_fen, 0))
   FROM account a
   FULL JOIN held h USING (account_id)
  WHERE (a.running AND a.balance_fen < coalesce(a.reserved_fen, 0))
     OR coalesce(a.frozen_fen, 0) <> coalesce(h.frozen_fen, 0)
     OR coalesce(a.reserved_fen, 0) <> coalesce(h.reserved_fen, 0)
  LIMIT 100)
