-- no-transaction
-- For the daily look at who left an employer long enough ago to be held by the centre.
CREATE INDEX CONCURRENTLY IF NOT EXISTS membership_left ON membership (centre_id, sealed_on, membership_id) WHERE state = 2 AND seal_reason = '离职';
