-- A year's interest as plainly as SQL can: one UPDATE of all accounts, one INSERT … SELECT of their postings.
BEGIN;
UPDATE reference.account a
   SET last_product = a.product + a.balance_fen * (d.open_date - a.product_date),
       last_interest = (a.accrual + a.balance_fen * 150 * (d.open_date - a.product_date) + 1800000) / 3600000,
       balance_fen = a.balance_fen + (a.accrual + a.balance_fen * 150 * (d.open_date - a.product_date) + 1800000) / 3600000,
       product = 0,
       accrual = 0,
       product_date = d.open_date,
       settled_on = d.open_date,
       version = a.version + 1
  FROM business_day d
 WHERE d.centre_id = 1
   AND a.centre_id = 1
   AND a.subject = 201;
INSERT INTO reference.posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part)
SELECT 2, a.account_id, -a.last_interest, d.open_date, d.open_date, 201, 1, 3
  FROM reference.account a, business_day d
 WHERE d.centre_id = 1
   AND a.centre_id = 1
   AND a.subject = 201
   AND a.last_interest <> 0;
COMMIT;
