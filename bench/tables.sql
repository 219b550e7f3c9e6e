-- Copies of the ledger's account and posting tables: the same columns, the same indexes, the same fill, no trigger. The
-- references write these, so that the books stay true.
CREATE SCHEMA IF NOT EXISTS reference;
DROP TABLE IF EXISTS reference.account, reference.posting, reference.list;
CREATE TABLE reference.account (LIKE ledger_account INCLUDING ALL) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE reference.posting (LIKE posting INCLUDING ALL);
INSERT INTO reference.account SELECT * FROM ledger_account ORDER BY account_id;
INSERT INTO reference.posting SELECT * FROM posting;
VACUUM ANALYZE reference.account;
ANALYZE reference.posting;
-- The last list of one employer: psql -v employer=…
CREATE TABLE reference.list AS
SELECT account_id, employer_fen, employee_fen
  FROM remittance_line
 WHERE centre_id = 1
   AND remittance_id = (SELECT max(remittance_id) FROM remittance WHERE centre_id = 1 AND employer_id = :employer)
 ORDER BY account_id;
ANALYZE reference.list;
