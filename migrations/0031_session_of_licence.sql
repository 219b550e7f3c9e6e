-- no-transaction
-- Every living session of a licence that is revoked.
CREATE INDEX CONCURRENTLY IF NOT EXISTS session_uscc ON session (centre_id, uscc) WHERE uscc IS NOT NULL AND ended_at IS NULL;
