-- People who contribute by themselves (灵活就业人员, contribution.md §11): what each has agreed to. Their accounts hang under a virtual
-- employer for each office, and every contribution is a list of one line (remittance of kind 3), so that books, proofs and pages need no
-- second way.
--
-- Not in `membership`: a membership says whose account it is and where; plan, day and next debit are the agreement's, and end with it. Not in
-- `debit_mandate`: who contributes when he likes may pay by transfer alone.
CREATE TABLE flexible_agreement (
  centre_id     smallint NOT NULL,
  agreement_id  bigint   NOT NULL,          -- also of the case that signed it
  person_id     bigint   NOT NULL,
  employer_id   bigint   NOT NULL,          -- the virtual employer of the office
  account_id    bigint   NOT NULL,
  membership_id bigint   NOT NULL,
  plan          smallint NOT NULL,          -- 1 monthly 按月缴存, 2 lump 自由缴存
  amount_fen    bigint   NOT NULL CHECK (amount_fen > 0),   -- of a month
  day           smallint NOT NULL CHECK (day BETWEEN 1 AND 28),
  state         smallint NOT NULL,          -- 1 agreed, 2 active, 3 sealed, 9 ended
  reason        text,                       -- why it is sealed
  next_on       date,                       -- of a monthly plan: when its next list is made
  changed_month integer,                    -- in which the amount was last changed
  signed_at     timestamptz NOT NULL,
  PRIMARY KEY (centre_id, agreement_id)
);
CREATE UNIQUE INDEX flexible_agreement_live ON flexible_agreement (centre_id, person_id) WHERE state <> 9;
CREATE INDEX flexible_agreement_due ON flexible_agreement (centre_id, next_on, agreement_id) WHERE next_on IS NOT NULL;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON flexible_agreement TO anju_app;
  END IF;
END $$;
