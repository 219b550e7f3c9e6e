-- no-transaction
-- In its place stands remittance_month (0012).
DROP INDEX CONCURRENTLY IF EXISTS remittance_live;
