-- no-transaction
-- For measures/follow.rs: the events of the last minute. Rows are added in the order of their time and never changed, so that a few bytes for each
-- range of blocks find them; a withdrawal writes nothing more for it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS case_event_at ON case_event USING brin (at) WITH (autosummarize = on);
