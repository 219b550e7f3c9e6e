-- no-transaction
-- For contribution::opening: whether another case about the same credit code is alive; case_live begins with the applicant, and an employer has no
-- number before its account is open.
CREATE INDEX CONCURRENTLY IF NOT EXISTS business_case_opening ON business_case (centre_id, wish) WHERE service = 'employer-open-account' AND state < 6;
