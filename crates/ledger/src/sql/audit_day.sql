-- The invariants of one open day ($2), read from its journals, the accounts that they touched and the day sealed before: what a close
-- must know without reading the books of all years. audit.rs says which.
WITH line AS MATERIALIZED (
    SELECT journal_id, account_id, part, subject, amount_fen
      FROM posting
     WHERE centre_id = $1
       AND business_date = $2
),
header AS MATERIALIZED (
    SELECT journal_id, event, lines, reverses
      FROM journal
     WHERE centre_id = $1
       AND business_date = $2
),
touched AS MATERIALIZED (
    SELECT a.account_id, a.kind = 2 AS subsidy, a.subject, a.running, a.balance_fen, a.frozen_fen, a.reserved_fen, a.product, a.accrual, a.product_date,
           a.settled_on
      FROM ledger_account a
     WHERE a.centre_id = $1
       AND a.account_id = ANY (ARRAY(SELECT account_id FROM line))
),
history AS MATERIALIZED (
    SELECT account_id, -amount_fen AS own, value_date
      FROM posting
     WHERE centre_id = $1
       AND account_id = ANY (ARRAY(SELECT account_id FROM touched WHERE running))
       AND subject IN (201, 12101, 122, 11102, 21901, 21902)    -- whose accounts run, in the words of the index that finds them
),
held AS (
    SELECT account_id, coalesce(sum(amount_fen) FILTER (WHERE kind = 1), 0) AS frozen_fen,
           coalesce(sum(amount_fen) FILTER (WHERE kind = 2), 0) AS reserved_fen
      FROM account_hold
     WHERE centre_id = $1
       AND released_at IS NULL
       AND account_id = ANY (ARRAY(SELECT account_id FROM touched))
     GROUP BY account_id
),
rate_days AS MATERIALIZED (
    SELECT day::date AS day, kind = 2 AS subsidy, w_at($1, day::date, kind) AS w
      FROM (SELECT greatest((SELECT min(from_date) FROM interest_rate WHERE centre_id = $1), min(settled_on)) AS first,
                   greatest(max(product_date), max(settled_on)) AS last
              FROM touched
             WHERE subject = 201) AS needed
     CROSS JOIN generate_series(first, last, interval '1 day') AS day
     CROSS JOIN (VALUES (1::smallint), (2::smallint)) AS account_of (kind)
),
rebuilt AS (
    SELECT t.account_id,
           coalesce(sum(h.own * (t.product_date - greatest(h.value_date, t.settled_on))), 0) AS product,
           coalesce(sum(h.own * (upto.w - since.w)), 0) AS accrual
      FROM touched t
      JOIN history h USING (account_id)
      JOIN rate_days upto ON upto.day = t.product_date AND upto.subsidy = t.subsidy
      JOIN rate_days since ON since.day = greatest(h.value_date, t.settled_on) AND since.subsidy = t.subsidy
     WHERE t.subject = 201
     GROUP BY t.account_id
),
reversal AS MATERIALIZED (
    SELECT h.journal_id, h.reverses, o.business_date
      FROM header h
      JOIN journal o ON o.centre_id = $1 AND o.journal_id = h.reverses
     WHERE h.reverses = ANY (ARRAY(SELECT reverses FROM header WHERE reverses IS NOT NULL))
       AND o.journal_id = ANY (ARRAY(SELECT reverses FROM header WHERE reverses IS NOT NULL))
),
reversed AS MATERIALIZED (                                                     -- found by journal and day, never by reading all years
    SELECT journal_id, account_id, part, amount_fen
      FROM posting
     WHERE centre_id = $1
       AND journal_id = ANY (ARRAY(SELECT journal_id FROM reversal UNION SELECT reverses FROM reversal))
       AND business_date = ANY (ARRAY(SELECT $2::date UNION SELECT business_date FROM reversal))
),
total AS (
    SELECT subject, sum(net_fen) AS net_fen
      FROM (SELECT subject, sum(amount_fen) AS net_fen FROM line GROUP BY subject
             UNION ALL
            SELECT subject, sum(closing_fen)
              FROM day_sum
             WHERE centre_id = $1
               AND business_date = (SELECT max(business_date) FROM day_close
                                     WHERE centre_id = $1 AND state = 2 AND business_date < $2)
             GROUP BY subject) AS moved
     GROUP BY subject
)
(SELECT 'I1' AS invariant, format('凭证 %s（%s）', journal_id, $2) AS place,
        CASE WHEN h.lines IS NULL THEN '有分录，没有凭证头'
             WHEN l.lines IS DISTINCT FROM h.lines THEN format('有 %s 行，记账时是 %s 行', coalesce(l.lines, 0), h.lines)
             ELSE format('借贷合计差 %s 分，应为 0', l.net_fen) END AS detail
   FROM header h
   FULL JOIN (SELECT journal_id, count(*) AS lines, sum(amount_fen) AS net_fen FROM line GROUP BY journal_id) AS l USING (journal_id)
  WHERE h.lines IS DISTINCT FROM l.lines
     OR l.net_fen <> 0
  LIMIT 100)
UNION ALL
(SELECT 'I22', format('账户 %s', account_id),
        format('余额 %s 分，由分录重算应为 %s 分', t.balance_fen, coalesce(-ledger_side(t.subject) * h.own_fen, 0))
   FROM touched t
   LEFT JOIN (SELECT account_id, sum(own) AS own_fen FROM history GROUP BY account_id) AS h USING (account_id)
  WHERE t.running
    AND t.balance_fen <> coalesce(-ledger_side(t.subject) * h.own_fen, 0)
  LIMIT 100)
UNION ALL
(SELECT 'I22', format('账户 %s', l.account_id), '有它的分录，没有这个账户，或账户属于别的科目'
   FROM line l
   LEFT JOIN touched t USING (account_id)
  WHERE t.subject IS DISTINCT FROM l.subject
  LIMIT 100)
UNION ALL
(SELECT 'I12', format('账户 %s', account_id),
        format('余额 %s 分，预留 %s 分（预留记录合计 %s 分），冻结 %s 分（冻结记录合计 %s 分）', t.balance_fen, t.reserved_fen,
               coalesce(h.reserved_fen, 0), t.frozen_fen, coalesce(h.frozen_fen, 0))
   FROM touched t
   LEFT JOIN held h USING (account_id)
  WHERE (t.running AND t.balance_fen < coalesce(t.reserved_fen, 0))
     OR coalesce(t.frozen_fen, 0) <> coalesce(h.frozen_fen, 0)
     OR coalesce(t.reserved_fen, 0) <> coalesce(h.reserved_fen, 0)
  LIMIT 100)
UNION ALL
(SELECT 'I23', format('账户 %s', account_id),
        format('积数 %s、累计计息 %s（到 %s），由分录重算应为 %s、%s', t.product, t.accrual, t.product_date, r.product, r.accrual)
   FROM touched t
   JOIN rebuilt r USING (account_id)
  WHERE t.product <> r.product
     OR t.accrual <> r.accrual
  LIMIT 100)
UNION ALL
(SELECT 'I4', '全部科目',
        format('资产加支出比负债、净资产加收入多 %s 分，应相等', sum(net_fen))
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
(SELECT 'I24', format('凭证 %s（%s）', journal_id, $2), format('账户 %s 上留下 %s 分：凭证 %s 与它的冲销应相抵为 0', account_id, net_fen, reverses)
   FROM (SELECT r.journal_id, r.reverses, p.account_id, p.part, sum(p.amount_fen) AS net_fen
           FROM reversal r
           JOIN reversed p ON p.journal_id IN (r.journal_id, r.reverses)
          GROUP BY r.journal_id, r.reverses, p.account_id, p.part) AS both_sides
  WHERE net_fen <> 0
  LIMIT 100)
