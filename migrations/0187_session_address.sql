-- no-transaction
-- For own_books.sql and fraud/finding.rs (FR-06): who else came from one address on the network of late.
CREATE INDEX CONCURRENTLY IF NOT EXISTS session_address ON session (centre_id, address_index, created_at) WHERE address_index IS NOT NULL;
