-- I1: each journal has the lines that it had when it was written, and they sum to zero. I24: a reversal and the first
-- journal net to zero in every account and part.
WITH line AS (
    SELECT journal_id, business_date, count(*) AS lines, sum(amount_fen) AS net_fen
      FROM posting
     WHERE centre_id = $1
     GROUP BY journal_id, business_date
),
header AS (
    SELECT journal_id, business_date, lines, reverses
      FROM journal
     WHERE centre_id = $1
),
pair AS (
    SELECT r.journal_id, r.business_date, r.reverses, o.journal_id AS found, o.business_date AS first_date
      FROM header r
      LEFT JOIN header o ON o.journal_id = r.reverses
     WHERE r.reverses IS NOT NULL
)
(SELECT 'I1' AS invariant, format('凭证 %s（%s）', journal_id, business_date) AS place,
        CASE WHEN h.lines IS NULL THEN '有分录，没有凭证头'
             WHEN l.lines IS DISTINCT FROM h.lines THEN format('有 %s 行，记账时是 %s 行', coalesce(l.lines, 0), h.lines)
             ELSE format('借贷合计差 %s 分，应为 0', l.net_fen) END AS detail
   FROM header h
   FULL JOIN line l USING (journal_id, business_date)
  WHERE h.lines IS DISTINCT FROM l.lines
     OR l.net_fen <> 0
  LIMIT 100)
UNION ALL
(SELECT 'I24', format('凭证 %s（%s）', journal_id, business_date),
        format('账户 %s 上留下 %s 分：凭证 %s 与它的冲销应相抵为 0', account_id, net_fen, reverses)
   FROM (SELECT x.journal_id, x.business_date, x.reverses, p.account_id, p.part, sum(p.amount_fen) AS net_fen
           FROM pair x
          CROSS JOIN LATERAL (VALUES (x.journal_id, x.business_date), (x.reverses, x.first_date)) AS side (id, date)
           JOIN posting p ON p.centre_id = $1
                         AND p.journal_id = side.id
                         AND p.business_date = side.date
          GROUP BY x.journal_id, x.business_date, x.reverses, p.account_id, p.part) AS both_sides
  WHERE net_fen <> 0
  LIMIT 100)
UNION ALL
(SELECT 'I24', format('凭证 %s（%s）', journal_id, business_date), format('冲销凭证 %s，那张凭证不在', reverses)
   FROM pair
  WHERE found IS NULL
  LIMIT 100)
