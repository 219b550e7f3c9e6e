-- Back payments (补缴, contribution.md §7.2): a list of months that are over, paid and allocated like a month's list, but not in its order.
--
-- Expand: the program before this one writes and reads monthly lists only.
ALTER TABLE remittance
  ADD COLUMN kind smallint NOT NULL DEFAULT 1,    -- 1 a month's list (汇缴), 2 a back payment (补缴); its month is the last of its lines'
  ADD COLUMN reason text,                         -- of a back payment: MISSED_MONTH, SHORT_BASE, SHORT_RATIO, NEW_HIRE, DEFERRED, ENFORCED
  ADD COLUMN document_no text,                    -- of the decision that orders it
  ALTER COLUMN roster_id DROP NOT NULL;           -- a back payment has no roster
