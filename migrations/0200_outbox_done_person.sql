-- no-transaction
-- For a person's list of messages: what was sent to him about a case that is not his own (outbox::told).
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_done_person ON outbox_done (centre_id, (payload ->> 'person'), outbox_id)
 WHERE payload ->> 'person' IS NOT NULL;
