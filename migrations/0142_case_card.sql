-- no-transaction
-- The cases that name the same card (FR-06), by its keyed index.
CREATE INDEX CONCURRENTLY IF NOT EXISTS case_card ON business_case (centre_id, (form #>> '{card_no,index}'), submitted_at)
    WHERE form #>> '{card_no,index}' IS NOT NULL;
