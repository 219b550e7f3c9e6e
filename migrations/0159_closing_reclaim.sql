-- 收回缴存补贴 (contribution.md §11, exit): what a closing withdrawal took back for finance before it paid (E11), so that a bank's refusal or a return
-- gives it back with the rest.
ALTER TABLE account_closing ADD COLUMN reclaim_journal bigint, ADD COLUMN reclaim_fen bigint NOT NULL DEFAULT 0;
