-- no-transaction
-- withdrawal_use_asked answers its query.
DROP INDEX CONCURRENTLY IF EXISTS withdrawal_use_contract;
