-- no-transaction
-- For recovery/money.rs: all claims on one cancelled contract, whose developer may give back the whole of it at once.
CREATE INDEX CONCURRENTLY IF NOT EXISTS recovery_contract ON recovery (centre_id, contract_no) WHERE contract_no IS NOT NULL;
