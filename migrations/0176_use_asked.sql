-- no-transaction
-- Purchases whose contract is asked for again (FR-08), the longest ago first. Unlike withdrawal_use_contract it does not know the state of a
-- use, which changes once for every withdrawal: no index of a use is written then (docs/performance.md, R12).
CREATE INDEX CONCURRENTLY IF NOT EXISTS withdrawal_use_asked ON withdrawal_use (centre_id, coalesce(contract_asked_on, used_on), case_id)
    WHERE kind IN ('PURCHASE', 'DOWNPAY');
