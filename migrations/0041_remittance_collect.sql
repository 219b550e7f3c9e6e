-- no-transaction
-- Lists whose day of collection has come (business::contribution::collection::build).
CREATE INDEX CONCURRENTLY IF NOT EXISTS remittance_collect ON remittance (centre_id, collect_on, remittance_id) WHERE collect_on IS NOT NULL;
