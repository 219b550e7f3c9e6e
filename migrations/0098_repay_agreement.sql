-- 约定提取 (withdrawal.md §6.4): what a person has agreed to be paid for each period of a home loan, and each period's run.
--
-- Not in `arrangement`: that is an employer's relief, by months drawn and made up. Not in `business_case`: an agreement outlives the case that
-- signed it, and a period that pays nothing is no request of anybody. A period that pays is a case of its own, under the run's number.
CREATE TABLE repay_agreement (              -- 约定提取协议
  centre_id    smallint NOT NULL,
  agreement_id bigint   NOT NULL,           -- also of the case that signed it
  person_id    bigint   NOT NULL,
  branch_id    smallint NOT NULL,
  kind         smallint NOT NULL CHECK (kind IN (1, 2)),      -- 1 a bank's loan 商贷, 2 the fund's 公积金贷款
  loan_bank    text     NOT NULL,           -- B1…B8; HPF for the fund's own
  loan_no      text     NOT NULL,
  event_key    text     NOT NULL,           -- the loan in withdrawal_event: both spouses, and single claims, share it
  period       smallint NOT NULL CHECK (period IN (1, 3, 12)),   -- months
  place        smallint NOT NULL CHECK (place IN (1, 2)),     -- order of use among the agreements on one loan
  card_sealed  bytea    NOT NULL,
  card_last4   text     NOT NULL,
  state        smallint NOT NULL,           -- 1 signed, 2 running, 3 suspended, 9 ended
  reason       text,                        -- why it is suspended or ended
  from_month   integer  NOT NULL,           -- the first month that no run has settled
  next_on      date,                        -- when the next run is made; none while nothing runs
  skips        smallint NOT NULL DEFAULT 0, -- in a row
  signed_at    timestamptz NOT NULL,
  ended_at     timestamptz,
  PRIMARY KEY (centre_id, agreement_id)
);
-- One living agreement of a person for a loan (AUT-03).
CREATE UNIQUE INDEX repay_agreement_live ON repay_agreement (centre_id, person_id, event_key) WHERE state <> 9;
CREATE INDEX repay_agreement_person ON repay_agreement (centre_id, person_id, agreement_id);                        -- one's own
CREATE INDEX repay_agreement_due ON repay_agreement (centre_id, next_on, agreement_id) WHERE next_on IS NOT NULL;   -- whose day has come
CREATE INDEX repay_agreement_state ON repay_agreement (centre_id, state, agreement_id);                             -- the desk's counts

CREATE TABLE repay_run (                    -- 一期: once for each agreement and period, whatever dies in between
  centre_id    smallint NOT NULL,
  agreement_id bigint   NOT NULL,
  period       integer  NOT NULL,           -- its last month, as an index
  run_id       bigint   NOT NULL,           -- of the case, where it pays
  person_id    bigint   NOT NULL,
  event_key    text     NOT NULL,
  place        smallint NOT NULL,
  from_month   integer  NOT NULL,           -- missed periods are claimed with this one
  state        smallint NOT NULL,           -- 1 due, 2 paying, 3 paid, 4 nothing to pay, 5 skipped, 6 the bank refused
  amount_fen   bigint,
  code         text,                        -- the condition that was not met
  reason       text,                        -- its words
  retry_at     timestamptz NOT NULL,        -- a due run: when its sources are asked (again)
  made_at      timestamptz NOT NULL,
  ended_at     timestamptz,
  PRIMARY KEY (centre_id, agreement_id, period)
);
CREATE UNIQUE INDEX repay_run_id ON repay_run (centre_id, run_id);                                                  -- the desk's list
CREATE INDEX repay_run_open ON repay_run (centre_id, state, run_id) WHERE state IN (1, 2);                          -- what is in work
CREATE INDEX repay_run_loan ON repay_run (centre_id, event_key, place) WHERE state = 1;                             -- who of a loan is first
CREATE INDEX repay_run_period ON repay_run (centre_id, period, state);                                              -- a period's progress

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON repay_agreement, repay_run TO anju_app;
  END IF;
END $$;
