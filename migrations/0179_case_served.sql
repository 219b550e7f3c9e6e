-- no-transaction
-- What a teller took in, newest first (case::list_served); a case that came by another way has no teller and no entry here.
CREATE INDEX CONCURRENTLY IF NOT EXISTS case_served ON business_case (centre_id, served_by, submitted_at, case_id) WHERE served_by IS NOT NULL;
