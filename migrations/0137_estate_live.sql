-- no-transaction
-- For withdrawal::estate: whether another heir's case about the same estate is alive; case_live begins with the applicant, and heirs are several.
CREATE INDEX CONCURRENTLY IF NOT EXISTS business_case_estate ON business_case (centre_id, wish) WHERE service = 'withdraw-death' AND state < 6;
