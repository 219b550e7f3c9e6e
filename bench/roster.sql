-- A roster booked as plainly as SQL can: the accounts of one employer (reference.list, made by tables.sql) and two postings each.
-- The plan is pinned like the ledger's own.
BEGIN;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_seqscan = off;
UPDATE reference.account a
   SET balance_fen = a.balance_fen + l.employer_fen + l.employee_fen,
       product = a.product + a.balance_fen * (d.open_date - a.product_date),
       accrual = a.accrual + a.balance_fen * 150 * (d.open_date - a.product_date),
       product_date = d.open_date,
       version = a.version + 1
  FROM reference.list l, business_day d
 WHERE d.centre_id = 1
   AND a.centre_id = 1
   AND a.account_id = l.account_id;
INSERT INTO reference.posting (journal_id, account_id, amount_fen, business_date, value_date, subject, centre_id, part)
SELECT 1, l.account_id, -part.fen, d.open_date, d.open_date, 201, 1, part.part
  FROM reference.list l, business_day d, LATERAL (VALUES (l.employer_fen, 1::smallint), (l.employee_fen, 2::smallint)) AS part (fen, part)
 WHERE d.centre_id = 1;
COMMIT;
