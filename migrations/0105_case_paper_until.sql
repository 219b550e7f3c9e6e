-- no-transaction
-- Cases whose paper did not come in time. business_case is large: built beside its readers and writers.
CREATE INDEX CONCURRENTLY IF NOT EXISTS case_paper_until ON business_case (centre_id, paper_until) WHERE paper_until IS NOT NULL;
