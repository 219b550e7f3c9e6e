-- no-transaction
-- For the same list while a message is on its way (outbox::told).
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_person ON outbox (centre_id, (payload ->> 'person'), outbox_id)
 WHERE payload ->> 'person' IS NOT NULL;
