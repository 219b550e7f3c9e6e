-- no-transaction
-- REMIT-02: one living list for an employer and a month; back payments (0011) stand beside it. Built before the old index goes (0013), so
-- that at no time two lists of one month can live.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS remittance_month ON remittance (centre_id, employer_id, month) WHERE state IN (1, 2, 3) AND kind = 1;
