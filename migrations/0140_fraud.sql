-- Fraud and the black list (withdrawal.md §9): cases that are held, entries with their life, what a person says to them, money that is
-- asked back.

-- 核查 (HOLD): a case in review whose clock stands still; beside `paper_since`, which does the same for a paper. Whose term, not whose
-- reasons: those are in the decision and the events.
ALTER TABLE business_case ADD COLUMN held_since timestamptz, ADD COLUMN held_until date;

-- 同一设备: which browser a session began in, as a keyed index of the cookie that it bears; `device` are only words for people.
ALTER TABLE session ADD COLUMN device_index bytea;

-- FR-08: the day on which the contract of a paid purchase was last asked for.
ALTER TABLE withdrawal_use ADD COLUMN contract_asked_on date;

-- 失信记录. Not in `blacklist`: that is the term which binds, read with every decision; an entry lives before it has a term, is told,
-- heard and released, and keeps who did so. Not a `business_case`: nobody applies for it, and a case that lives for years would count
-- as a living one.
CREATE TABLE blacklist_entry (
  centre_id    smallint    NOT NULL,
  entry_id     bigint      NOT NULL,
  person_id    bigint      NOT NULL,
  branch_id    smallint    NOT NULL,
  state        smallint    NOT NULL CHECK (state BETWEEN 1 AND 4),   -- 1 疑似, 2 认定, 3 限制, 4 解除
  ground       text        NOT NULL,        -- a pattern of §9, e.g. FR-05
  finding      text        NOT NULL,        -- what it stands on, in the words of who entered it
  case_id      bigint,                      -- the withdrawal that it came of
  owed_fen     bigint      NOT NULL CHECK (owed_fen >= 0),           -- wrongly paid by that withdrawal
  years        smallint,
  entered_by   bigint      NOT NULL,
  entered_at   timestamptz NOT NULL,
  confirmed_by bigint,
  heard_until  date,                        -- the last day to be heard before it binds
  from_date    date,
  to_date      date,
  released_on  date,
  release      smallint    CHECK (release BETWEEN 1 AND 4),          -- 1 expired, 2 money returned, 3 objection, 4 not confirmed
  PRIMARY KEY (centre_id, entry_id),
  CHECK (confirmed_by IS DISTINCT FROM entered_by)
);
CREATE UNIQUE INDEX blacklist_entry_live ON blacklist_entry (centre_id, person_id, coalesce(case_id, 0)) WHERE state < 4;   -- once a withdrawal
CREATE INDEX blacklist_entry_person ON blacklist_entry (centre_id, person_id, entry_id);               -- one's own
CREATE INDEX blacklist_entry_state ON blacklist_entry (centre_id, state, entry_id);                    -- the list of the centre
CREATE INDEX blacklist_entry_branch ON blacklist_entry (centre_id, branch_id, state, entry_id);        -- the list of a branch
CREATE INDEX blacklist_entry_heard ON blacklist_entry (centre_id, heard_until) WHERE state = 2;        -- what binds tonight
CREATE INDEX blacklist_entry_term ON blacklist_entry (centre_id, from_date) WHERE state = 3;           -- what ends tonight

CREATE TABLE blacklist_step (               -- its life, each step with its evidence
  centre_id smallint    NOT NULL,
  entry_id  bigint      NOT NULL,
  seq       smallint    NOT NULL,
  at        timestamptz NOT NULL,
  actor_id  bigint      NOT NULL,           -- 0: the system
  step      text        NOT NULL,
  detail    jsonb       NOT NULL,
  PRIMARY KEY (centre_id, entry_id, seq)
);

-- 陈述申辩与异议: what a person says to a case that is held, or to an entry; the latter is decided by another than who entered it.
CREATE TABLE fraud_statement (
  centre_id    smallint    NOT NULL,
  statement_id bigint      NOT NULL,
  person_id    bigint      NOT NULL,
  ref_id       bigint      NOT NULL,        -- the case or the entry
  stage        smallint    NOT NULL,        -- 0 a held case, else the entry's state
  text_sealed  bytea       NOT NULL,
  made_at      timestamptz NOT NULL,
  due_on       date,                        -- the last day for the answer
  outcome      smallint    CHECK (outcome IN (1, 2)),    -- 1 upheld 维持, 2 granted 撤销
  decided_by   bigint,
  decided_at   timestamptz,
  answer       text        NOT NULL DEFAULT '',
  PRIMARY KEY (centre_id, statement_id)
);
CREATE UNIQUE INDEX fraud_statement_once ON fraud_statement (centre_id, ref_id, stage) WHERE stage > 0;   -- once a stage
CREATE INDEX fraud_statement_of ON fraud_statement (centre_id, ref_id, statement_id);                     -- of a case or an entry
CREATE INDEX fraud_statement_open ON fraud_statement (centre_id, due_on, statement_id) WHERE stage > 0 AND outcome IS NULL;   -- to be answered

-- 追回: money that is asked back. Its case (business_case, the same number) begins with the demand and carries events and evidence; the
-- lead before it, the pay code, the term and the sum that came back are asked for by state and day.
CREATE TABLE recovery (
  centre_id    smallint    NOT NULL,
  recovery_id  bigint      NOT NULL,        -- also its case
  person_id    bigint      NOT NULL,
  branch_id    smallint    NOT NULL,
  of_case      bigint      NOT NULL,        -- the withdrawal
  entry_id     bigint,
  ground       text        NOT NULL,
  finding      text        NOT NULL,
  state        smallint    NOT NULL CHECK (state IN (1, 2, 3, 9)),   -- 1 线索, 2 已要求退回, 3 已退回, 9 不追回
  owed_fen     bigint      NOT NULL CHECK (owed_fen > 0),
  returned_fen bigint      NOT NULL DEFAULT 0 CHECK (returned_fen BETWEEN 0 AND owed_fen),
  found_at     timestamptz NOT NULL,
  demanded_by  bigint,
  due_on       date,
  reminded_on  date,
  PRIMARY KEY (centre_id, recovery_id)
);
CREATE UNIQUE INDEX recovery_once ON recovery (centre_id, of_case) WHERE state <> 9;
CREATE INDEX recovery_person ON recovery (centre_id, person_id, recovery_id);             -- one's own
CREATE INDEX recovery_state ON recovery (centre_id, state, recovery_id);                  -- the list of the centre
CREATE INDEX recovery_branch ON recovery (centre_id, branch_id, state, recovery_id);      -- the list of a branch
CREATE INDEX recovery_entry ON recovery (centre_id, entry_id) WHERE entry_id IS NOT NULL; -- whether an entry's money is back
CREATE INDEX recovery_due ON recovery (centre_id, due_on) WHERE state = 2 AND reminded_on IS NULL;   -- whom to remind tonight

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON blacklist_entry, blacklist_step, fraud_statement, recovery TO anju_app;
    GRANT UPDATE ON blacklist_entry, fraud_statement, recovery TO anju_app;
  END IF;
END $$;
