-- no-transaction
-- In its place stands enforcement_one (0190).
DROP INDEX CONCURRENTLY IF EXISTS enforcement_live;
