-- no-transaction
-- The people who logged in from the same browser (FR-06).
CREATE INDEX CONCURRENTLY IF NOT EXISTS session_device ON session (centre_id, device_index, created_at) WHERE device_index IS NOT NULL;
