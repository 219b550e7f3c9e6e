-- no-transaction
-- REMIT-02 for the subsidy's fund kind: one living list for an employer, a month and a sort (monthly, one-off).
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS remittance_subsidy ON remittance (centre_id, employer_id, month, reason) WHERE state IN (1, 2, 3) AND kind = 4;
