-- no-transaction
-- For branch_follow.sql: whose keeper changed on a day, without reading the memberships of all days.
CREATE INDEX CONCURRENTLY IF NOT EXISTS membership_day_from ON membership_day (centre_id, from_day);
