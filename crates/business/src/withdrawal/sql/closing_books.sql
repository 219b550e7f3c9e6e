-- $1 centre, $2 person, $3 the account that is closed
-- What a closing withdrawal reads beside own_books.sql: interest up to today, the housing subsidy's account, lists that wait for money.
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
         WHERE l.centre_id = $1 AND l.account_id = ANY (ARRAY[$3, (SELECT account_id FROM subsidy)]) AND r.state IN (1, 2)) AS open_list
  FROM business_day d
 WHERE d.centre_id = $1
