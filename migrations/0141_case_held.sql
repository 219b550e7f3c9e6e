-- no-transaction
-- What is held, in the order of its promises.
CREATE INDEX CONCURRENTLY IF NOT EXISTS case_held ON business_case (centre_id, promised_at, case_id) WHERE held_since IS NOT NULL;
