-- no-transaction
-- The allocated lists of some months, of all employers: the measures of the business environment.
CREATE INDEX CONCURRENTLY IF NOT EXISTS remittance_months ON remittance (centre_id, month) WHERE state = 3;
