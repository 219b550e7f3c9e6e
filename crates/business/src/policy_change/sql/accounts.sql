-- $1 centre, $2 the lowest bases of the income bands; the two TRUE at the end give way to a condition of either version, whose values
-- follow from $3 on. One row a person with a live account, in the columns of the policy's snapshot. Months in full without a gap up to
-- the last one: a run of months is where month and place in the order move together. Reads memberships, accounts and lists once, in the
-- background.
WITH snapshot AS (
SELECT m.person_id, m.base_fen, e.district AS account_region, TRUE AS account_region_has,
       CASE WHEN a.state = 3 THEN 'closed' WHEN m.state = 2 THEN 'sealed' ELSE 'active' END AS account_state, TRUE AS account_state_has,
       a.balance_fen AS account_balance, TRUE AS account_balance_has, 
       -- A freeze of the whole account has no amount of its own (withdrawal/own_books.rs); nothing is pledged in our books.
       CASE WHEN a.frozen_fen >= 9000000000000000 THEN a.balance_fen ELSE a.frozen_fen END AS account_frozen,
       a.frozen_fen >= 9000000000000000 AS account_whole_freeze, a.reserved_fen AS account_reserved, 0::bigint AS account_pledged,
       coalesce(greatest(0, u.balance_fen - u.frozen_fen - u.reserved_fen), 0) AS account_subsidy,
       m.opened_on AS account_opened_on, TRUE AS account_opened_on_has,
       coalesce(c.months, 0) AS contribution_continuous_months, c.months IS NOT NULL AS contribution_continuous_months_has,
       c.last_month AS contribution_last_month, c.last_month IS NOT NULL AS contribution_last_month_has
  FROM membership m
  JOIN employer e ON e.centre_id = m.centre_id AND e.employer_id = m.employer_id
  JOIN ledger_account a ON a.centre_id = m.centre_id AND a.account_id = m.account_id
  LEFT JOIN subsidy_member s ON s.centre_id = m.centre_id AND s.person_id = m.person_id AND s.closed_on IS NULL
  LEFT JOIN ledger_account u ON u.centre_id = s.centre_id AND u.account_id = s.account_id AND u.state <> 3
  LEFT JOIN (SELECT run.account_id, max(run.month)::bigint AS last_month, count(*) AS months
               FROM (SELECT paid.account_id, paid.month, paid.month - row_number() OVER (PARTITION BY paid.account_id ORDER BY paid.month) AS run,
                            max(paid.month) OVER (PARTITION BY paid.account_id)
                            - count(*) OVER (PARTITION BY paid.account_id) AS last_run
                       FROM (SELECT l.account_id, l.month
                               FROM remittance_line l
                               JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id AND r.state = 3
                              WHERE l.centre_id = $1
                              GROUP BY l.account_id, l.month
                             HAVING sum(l.employer_fen + l.employee_fen) > 0) AS paid) AS run
              WHERE run.run = run.last_run
              GROUP BY run.account_id) AS c ON c.account_id = m.account_id
 WHERE m.centre_id = $1 AND m.state <> 9)
SELECT district, band, count(*) AS people, count(*) FILTER (WHERE was) AS was, count(*) FILTER (WHERE now) AS now,
       count(*) FILTER (WHERE now AND was IS NOT TRUE) AS newly, count(*) FILTER (WHERE was AND now IS NOT TRUE) AS no_longer
  FROM (SELECT account_region AS district, width_bucket(base_fen, $2::bigint[])::smallint AS band,
               TRUE AS was,
               TRUE AS now
          FROM snapshot) AS asked
 GROUP BY district, band
