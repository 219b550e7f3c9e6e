-- I23: product and accrual of each person's account, rebuilt from its postings day by day, and the figures of its last
-- settlement. A value date before a settlement counts from it; what lies before is the adjustment that was recorded.
WITH closing AS (
    SELECT p.account_id, p.value_date
      FROM journal j
      JOIN posting p ON p.centre_id = j.centre_id
                    AND p.journal_id = j.journal_id
                    AND p.business_date = j.business_date
     WHERE j.centre_id = $1
       AND j.event = 28
       AND p.subject = 201
       AND NOT EXISTS (SELECT FROM journal r                  -- taken back by a refused payment: it settled nothing
                        WHERE r.centre_id = j.centre_id
                          AND r.reverses = j.journal_id)
),
account AS (
    SELECT a.account_id, a.kind = 2 AS subsidy, a.product, a.accrual, a.product_date, a.settled_on, a.last_product, a.last_interest,
           greatest(interest_year(a.settled_on - 1), max(c.value_date)) AS settled_before
      FROM ledger_account a
      LEFT JOIN closing c ON c.account_id = a.account_id      -- earlier in the same interest year
                         AND c.value_date < a.settled_on
     WHERE a.centre_id = $1
       AND a.subject = 201
     GROUP BY a.centre_id, a.account_id
),
line AS (
    SELECT p.account_id, p.journal_id, p.value_date, -p.amount_fen AS own, p.business_date
      FROM posting p
     WHERE p.centre_id = $1
       AND p.subject = 201
),
-- W of every day, of the provident fund and of a subsidy, so that it is joined and not called for each posting.
rate_days AS MATERIALIZED (
    SELECT day::date AS day, kind = 2 AS subsidy, w_at($1, day::date, kind) AS w
      FROM generate_series((SELECT min(from_date) FROM interest_rate WHERE centre_id = $1),
                           (SELECT greatest(max(product_date), max(settled_on)) FROM account), interval '1 day') AS day
     CROSS JOIN (VALUES (1::smallint), (2::smallint)) AS account_of (kind)
),
rebuilt AS (
    SELECT a.account_id,
           coalesce(sum(l.own * (a.product_date - greatest(l.value_date, a.settled_on))), 0) AS product,
           coalesce(sum(l.own * (upto.w - since.w)), 0) AS accrual
      FROM account a
      LEFT JOIN line l USING (account_id)
      LEFT JOIN rate_days upto ON upto.day = a.product_date AND upto.subsidy = a.subsidy
      LEFT JOIN rate_days since ON since.day = greatest(l.value_date, a.settled_on) AND since.subsidy = a.subsidy
     GROUP BY a.account_id
),
-- What the last settlement saw: nothing that was booked after it.
seen AS (
    SELECT a.account_id, coalesce(sum(l.own * (a.settled_on - greatest(l.value_date, a.settled_before))), 0) AS product,
           coalesce(sum(l.own * (upto.w - since.w)), 0) AS accrual
      FROM account a
      LEFT JOIN line l ON l.account_id = a.account_id
                      AND l.value_date < a.settled_on
                      AND NOT EXISTS (SELECT FROM product_adjustment x
                                       WHERE x.centre_id = $1
                                         AND x.account_id = a.account_id
                                         AND x.journal_id = l.journal_id
                                         AND x.settled_on = a.settled_on)
      LEFT JOIN rate_days upto ON upto.day = a.settled_on AND upto.subsidy = a.subsidy
      LEFT JOIN rate_days since ON since.day = greatest(l.value_date, a.settled_before) AND since.subsidy = a.subsidy
     WHERE a.last_product <> 0
        OR a.last_interest <> 0
     GROUP BY a.account_id
),
rule AS (
    SELECT by_segment FROM business_day WHERE centre_id = $1
)
(SELECT 'I23' AS invariant, format('账户 %s', account_id) AS place,
        format('积数 %s、累计计息 %s（到 %s），由分录重算应为 %s、%s', a.product, a.accrual, a.product_date, r.product,
               r.accrual) AS detail
   FROM account a
   JOIN rebuilt r USING (account_id)
  WHERE a.product <> r.product
     OR a.accrual <> r.accrual
  LIMIT 100)
UNION ALL
(SELECT 'I23', format('账户 %s', account_id),
        format('%s 结息：积数 %s、利息 %s 分，由分录重算应为积数 %s、累计计息 %s', a.settled_on,
               a.last_product, a.last_interest, s.product, s.accrual)
   FROM account a
   JOIN seen s USING (account_id)
  CROSS JOIN rule
  WHERE a.last_product <> s.product
     OR (rule.by_segment AND a.last_interest <> ledger_interest(s.accrual::bigint))
  LIMIT 100)
UNION ALL
(SELECT 'I23', format('账户 %s', x.account_id),
        format('凭证 %s 的积数调整为 %s，由分录重算应为 %s', x.journal_id, x.product, sum(l.own * (x.settled_on - l.value_date)))
   FROM (SELECT account_id, journal_id, value_date, settled_on, sum(product) AS product
           FROM product_adjustment
          WHERE centre_id = $1
          GROUP BY account_id, journal_id, value_date, settled_on) AS x
   LEFT JOIN line l ON l.account_id = x.account_id
                   AND l.journal_id = x.journal_id
                   AND l.value_date = x.value_date
  GROUP BY x.account_id, x.journal_id, x.value_date, x.settled_on, x.product
 HAVING x.product <> coalesce(sum(l.own * (x.settled_on - l.value_date)), 0)
  LIMIT 100)
