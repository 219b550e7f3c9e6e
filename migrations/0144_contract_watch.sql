-- no-transaction
-- Paid purchases whose contract is asked for again (FR-08), the longest ago first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS withdrawal_use_contract ON withdrawal_use (centre_id, coalesce(contract_asked_on, used_on), case_id)
    WHERE state = 2 AND kind IN ('PURCHASE', 'DOWNPAY');
