-- no-transaction
-- Employers that were pre-opened and never completed: the day comes when they lapse.
CREATE INDEX CONCURRENTLY IF NOT EXISTS employer_pre_opened ON employer (centre_id, opened_at) WHERE state = 4;
