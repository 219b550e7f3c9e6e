-- no-transaction
-- Consents of a case that were taken back: what was fetched under them answers nobody any more (casework::fact::recent). Few of all, so that
-- the look-up beside each kept fact costs next to nothing.
CREATE INDEX CONCURRENTLY IF NOT EXISTS consent_withdrawn ON consent (centre_id, case_id) WHERE withdrawn_at IS NOT NULL AND case_id IS NOT NULL;
