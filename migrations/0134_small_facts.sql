-- What the tax bureau says of an employer that owes (P05), beside what social insurance says: its state there and who keeps it.
ALTER TABLE headcount
  ADD COLUMN tax_state text,                    -- none: the source had no answer
  ADD COLUMN tax_authority text;

-- 退票 of a refund to an employer: paid, and come back later; the money waits in the employer's suspense.
ALTER TABLE employer_refund DROP CONSTRAINT employer_refund_state_check;
ALTER TABLE employer_refund ADD CONSTRAINT employer_refund_state_check CHECK (state IN (1, 2, 3, 4, 5));
