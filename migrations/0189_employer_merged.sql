-- 单位合并 (merge_into, contribution.md §2.3): the employer that took another one over, with what the other owed.

-- Expand: the program before this one merges nobody.
ALTER TABLE employer ADD COLUMN merged_into bigint;           -- of a cancelled one: what still comes for it is this one's
CREATE INDEX employer_merged ON employer (centre_id, merged_into) WHERE merged_into IS NOT NULL;   -- whom another one took over; empty today

-- 改清册 of a merged employer's list: the one in its place, for money that still comes with the old pay code.
ALTER TABLE remittance ADD COLUMN revised_as bigint;

-- 承继的欠缴: months that a merged employer owed, by the amounts of their time. The lists of whoever took it over are past them, so that
-- its own months (employer.paid_to_month) cannot say them; paid is what stands on the account, by whichever list it came.
CREATE TABLE arrears_assumed (
  centre_id        smallint NOT NULL,
  employer_id      bigint   NOT NULL,         -- who owes it now
  account_id       bigint   NOT NULL,
  month            integer  NOT NULL,
  person_id        bigint   NOT NULL,
  employer_fen     bigint   NOT NULL,
  employee_fen     bigint   NOT NULL,
  from_employer_id bigint   NOT NULL,         -- the merged one
  PRIMARY KEY (centre_id, account_id, month)  -- once, whoever merges next
);
CREATE INDEX arrears_assumed_employer ON arrears_assumed (centre_id, employer_id, month);   -- the reckoning, and a month's people

-- An enforcement that came along stands beside the employer's own of the same source.
ALTER TABLE enforcement ADD COLUMN from_employer_id bigint;   -- the merged employer that it was about

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON arrears_assumed TO anju_app;
  END IF;
END $$;
