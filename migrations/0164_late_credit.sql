-- What came for an account after it was closed (销户后到账, contribution.md §7 and §3.2, withdrawal.md §11, 19): it stays in the employer's suspense,
-- where a hold keeps it from every other list, until two persons have said whether it is the person's or goes back to the employer.
--
-- Not in account_hold: that says how much is held, not for whom and of which list. Not suspense_match: that is about a whole receipt. Not
-- contribution_change: that corrects what was credited.
CREATE TABLE late_credit (
  centre_id           smallint NOT NULL,
  late_id             bigint   NOT NULL,       -- also of the hold
  remittance_id       bigint   NOT NULL,
  employer_id         bigint   NOT NULL,
  suspense_account_id bigint   NOT NULL,       -- of the list's fund kind
  account_id          bigint   NOT NULL,       -- the closed one
  person_id           bigint   NOT NULL,
  employer_fen        bigint   NOT NULL,
  employee_fen        bigint   NOT NULL,
  arrived_on          date     NOT NULL,
  state               smallint NOT NULL CHECK (state IN (1, 2, 3, 4)),   -- 1 waits, 2 proposed, 3 credited, 4 the employer's again
  to_person           boolean,                 -- what is proposed: the person's, else the employer's
  reason              text,
  maker_id            bigint,
  made_at             timestamptz,
  checker_id          bigint,
  checked_at          timestamptz,
  PRIMARY KEY (centre_id, late_id),
  CHECK (employer_fen >= 0 AND employee_fen >= 0 AND employer_fen + employee_fen > 0),
  CHECK (maker_id <> checker_id)
);
CREATE UNIQUE INDEX late_credit_line ON late_credit (centre_id, remittance_id, account_id);   -- once a line; what of a list was not credited
CREATE INDEX late_credit_waiting ON late_credit (centre_id, late_id) WHERE state IN (1, 2);   -- the accountants' list
CREATE INDEX account_closing_account ON account_closing (centre_id, account_id) WHERE reopened_at IS NULL;   -- by which case an account was closed

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON late_credit TO anju_app;
  END IF;
END $$;
