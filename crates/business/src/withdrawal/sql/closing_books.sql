-- $1 centre, $2 person, $3 the account that is closed, $4 months whose contribution subsidy goes back to finance
-- What a closing withdrawal reads beside own_books.sql: interest up to today, the housing subsidy's account, lists that wait for money,
-- and of who contributes by himself the subsidy of the last months, less what was taken back of it before.
WITH subsidy AS MATERIALIZED (
    SELECT a.account_id, a.balance_fen, a.frozen_fen + a.reserved_fen AS held_fen
      FROM subsidy_member s
      JOIN ledger_account a ON a.centre_id = s.centre_id AND a.account_id = s.account_id AND a.state <> 3
     WHERE s.centre_id = $1 AND s.person_id = $2 AND s.closed_on IS NULL)
SELECT ledger_closing_interest($1, d.open_date, $3) AS interest_fen,
       (SELECT account_id FROM subsidy) AS subsidy_account,
       (SELECT balance_fen + ledger_closing_interest($1, d.open_date, account_id) FROM subsidy) AS subsidy_fen,
       (SELECT held_fen FROM subsidy) AS subsidy_held_fen,
       EXISTS (SELECT
          FROM remittance_line l
          JOIN remittance r ON r.centre_id = l.centre_id AND r.remittance_id = l.remittance_id
         WHERE l.centre_id = $1 AND l.account_id = ANY (ARRAY[$3, (SELECT account_id FROM subsidy)]) AND r.state IN (1, 2)) AS open_list,
       a.balance_fen, coalesce(flexible.is_so, FALSE) AS flexible,
       CASE WHEN flexible.is_so THEN
           least(a.balance_fen, greatest(0, (SELECT coalesce(-sum(p.amount_fen), 0)
                                               FROM posting p
                                              WHERE p.centre_id = $1 AND p.account_id = $3
                                                AND p.subject IN (201, 12101, 122, 11102, 21901, 21902) AND p.part = 5
                                                AND p.business_date > d.open_date - make_interval(months => $4))))
           ELSE 0 END::bigint AS reclaim_fen
  FROM business_day d
  JOIN ledger_account a ON a.centre_id = $1 AND a.account_id = $3
  LEFT JOIN LATERAL (SELECT TRUE AS is_so FROM membership m
                       JOIN employer e ON e.centre_id = m.centre_id AND e.employer_id = m.employer_id
                      WHERE m.centre_id = $1 AND m.account_id = $3 AND m.state <> 9 AND e.uscc LIKE 'FLEX-%' LIMIT 1) AS flexible ON TRUE
 WHERE d.centre_id = $1
