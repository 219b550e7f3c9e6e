-- 追回 (withdrawal.md §7 RECOVERING, §9 FR-08): what has to come back of a withdrawal that was paid, and what has come.
--
-- Not in `business_case`: the withdrawal's case is done and stays so; the claim has a debtor, a term and a balance of its own.

CREATE TABLE withdrawal_recovery (
  centre_id    smallint    NOT NULL,
  recovery_id  bigint      NOT NULL,
  case_id      bigint      NOT NULL,        -- the withdrawal
  person_id    bigint      NOT NULL,
  account_id   bigint      NOT NULL,        -- to which it comes back
  pattern      text        NOT NULL,        -- FR-08: the contract was cancelled after the money had been paid
  contract_no  text        NOT NULL,
  cancelled_on date        NOT NULL,
  debtor       smallint    NOT NULL CHECK (debtor IN (1, 2)),   -- 1 the person, 2 whoever holds the supervised account
  amount_fen   bigint      NOT NULL CHECK (amount_fen > 0),
  received_fen bigint      NOT NULL DEFAULT 0 CHECK (received_fen BETWEEN 0 AND amount_fen),
  due_on       date        NOT NULL,
  opened_at    timestamptz NOT NULL,
  closed_at    timestamptz,
  PRIMARY KEY (centre_id, recovery_id)
);
CREATE UNIQUE INDEX recovery_of_case ON withdrawal_recovery (centre_id, case_id);       -- a withdrawal is claimed back once

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON withdrawal_recovery TO anju_app;
    GRANT UPDATE (received_fen, closed_at) ON withdrawal_recovery TO anju_app;
  END IF;
END $$;
