-- no-transaction
-- For branch_follow.sql: which employers went to another branch on a day.
CREATE INDEX CONCURRENTLY IF NOT EXISTS employer_day_from ON employer_day (centre_id, from_day);
