-- no-transaction
-- What lies on accounts for an order of a court is found by the order that it belongs to: a release, an extension, `anju audit`.
CREATE INDEX CONCURRENTLY IF NOT EXISTS hold_of_case ON account_hold (centre_id, case_id) WHERE released_at IS NULL AND kind = 1;
