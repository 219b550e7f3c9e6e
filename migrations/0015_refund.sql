-- Refunds to employers (退缴) and corrections (错账调整、冲正), contribution.md §8.
--
-- A list that was confirmed and its lines never change, since their proof was given out. What was taken from or given to a person's month
-- afterwards stands beside it, signed; a month counts by the sum of both.
CREATE TABLE contribution_change (
  centre_id     smallint NOT NULL,
  change_id     bigint   NOT NULL,           -- the case of the refund, or the correction
  account_id    bigint   NOT NULL,
  month         integer  NOT NULL,
  remittance_id bigint   NOT NULL,           -- the list whose line it changes
  employer_fen  bigint   NOT NULL,           -- + to the person, − from the person
  employee_fen  bigint   NOT NULL,
  PRIMARY KEY (centre_id, change_id, account_id, month)
);
CREATE INDEX contribution_change_month ON contribution_change (centre_id, account_id, month);   -- a person's months

-- 退缴: where the money goes when it has left the accounts; its payment lives longer than the decision.
CREATE TABLE employer_refund (
  centre_id     smallint NOT NULL,
  refund_id     bigint   NOT NULL,           -- the case
  employer_id   bigint   NOT NULL,
  remittance_id bigint   NOT NULL,
  month         integer  NOT NULL,
  people        integer  NOT NULL,
  amount_fen    bigint   NOT NULL CHECK (amount_fen > 0),
  receipt_id    bigint,                      -- the payment that it goes back to; none: to the employer's suspense
  state         smallint NOT NULL CHECK (state IN (1, 2, 3, 4)),  -- 1 being paid, 2 paid, 3 in suspense as asked, 4 refused by the bank: in suspense
  made_at       timestamptz NOT NULL,
  PRIMARY KEY (centre_id, refund_id)
);
CREATE INDEX employer_refund_employer ON employer_refund (centre_id, employer_id, refund_id);   -- an employer's own

-- 错账调整、冲正: made by one, checked by another, without an applicant and so without a case.
CREATE TABLE correction (
  centre_id     smallint NOT NULL,
  correction_id bigint   NOT NULL,
  kind          smallint NOT NULL CHECK (kind IN (1, 2, 3, 4)),  -- 1 to another person, 2 to the employer's suspense, 3 reversal of an allocation,
                                             -- 4 two accounts of one person become one (账户合并)
  remittance_id bigint,                      -- the list; a merge has none
  month         integer  NOT NULL,
  from_account  bigint,
  to_account    bigint,
  amount_fen    bigint   NOT NULL,
  value_date    date     NOT NULL,           -- of the allocation: products are corrected from it
  reason        text     NOT NULL,
  state         smallint NOT NULL,           -- 1 waiting for the checker, 2 done, 3 sent back
  maker_id      bigint   NOT NULL,
  made_at       timestamptz NOT NULL,
  checker_id    bigint,
  checked_at    timestamptz,
  answer        text,
  PRIMARY KEY (centre_id, correction_id),
  CHECK (checker_id IS NULL OR checker_id <> maker_id)
);
CREATE INDEX correction_waiting ON correction (centre_id, correction_id) WHERE state = 1;    -- what waits for a checker

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON contribution_change, employer_refund, correction TO anju_app;
    GRANT UPDATE ON employer_refund, correction TO anju_app;
  END IF;
END $$;
