-- I4, I9, I18: what must hold between subjects.
WITH total AS (
    SELECT subject, sum(amount_fen) AS net_fen
      FROM posting
     WHERE centre_id = $1
     GROUP BY subject
),
-- accounting.md 9: which events of 201 are 缴存额 (+1) and which 提取额 (-1); 0 moves between persons.
fund AS (
    SELECT j.event, -sum(p.amount_fen) AS own,
           CASE WHEN j.event IN (5, 6, 11, 12, 28, 33, 72, 89) THEN 1
                WHEN j.event IN (21, 23, 27, 29, 30, 31, 35, 38, 39) THEN -1
                WHEN j.event IN (10, 13) THEN 0 END AS sort
      FROM posting p
      JOIN journal j ON j.centre_id = p.centre_id
                    AND j.journal_id = p.journal_id
                    AND j.business_date = p.business_date
     WHERE p.centre_id = $1
       AND p.subject = 201
     GROUP BY j.event
)
(SELECT 'I4' AS invariant, '全部科目' AS place,
        format('资产加支出比负债、净资产加收入多 %s 分，应相等', sum(net_fen)) AS detail
   FROM total
  WHERE subject < 901
     OR subject > 904
 HAVING sum(net_fen) <> 0)
UNION ALL
(SELECT 'I9', format('科目 %s', subject), format('余额 %s 分，不应小于 0', ledger_side(subject) * net_fen)
   FROM total
  WHERE subject IN (21901, 21902, 21903, 21904, 21905, 21906, 21907, 21908, 21909, 11902, 11903, 11904)
    AND ledger_side(subject) * net_fen < 0)
UNION ALL
(SELECT 'I9', format('办件 %s', case_id), format('科目 %s 多付 %s 分，不应小于 0', subject, net_fen)
   FROM (SELECT j.case_id, p.subject, sum(p.amount_fen) AS net_fen
           FROM posting p
           JOIN journal j ON j.centre_id = p.centre_id
                         AND j.journal_id = p.journal_id
                         AND j.business_date = p.business_date
          WHERE p.centre_id = $1
            AND p.subject IN (21904, 21905, 21906)
            AND j.case_id IS NOT NULL
          GROUP BY j.case_id, p.subject) AS by_case
  WHERE net_fen > 0
  LIMIT 100)
UNION ALL
(SELECT 'I18', format('事件 E%s', lpad(event::text, 2, '0')), format('201 有 %s 分既不是缴存也不是提取', own)
   FROM fund
  WHERE sort IS NULL)
UNION ALL
(SELECT 'I18', '科目 201', format('缴存减提取为 %s 分，账户合计 %s 分，应相等', moved, held)
   FROM (SELECT coalesce(sum(own), 0) AS moved FROM fund WHERE sort <> 0) AS flows,
        (SELECT coalesce(sum(balance_fen), 0) AS held FROM ledger_account WHERE centre_id = $1 AND subject = 201) AS stock
  WHERE moved <> held)
