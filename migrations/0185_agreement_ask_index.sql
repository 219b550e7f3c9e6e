-- no-transaction
-- For resume.rs: suspended agreements whose cause is asked for again today.
CREATE INDEX CONCURRENTLY IF NOT EXISTS repay_agreement_ask ON repay_agreement (centre_id, ask_on, agreement_id) WHERE state = 3;
