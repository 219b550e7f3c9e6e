-- Enforcement (催缴执法, contribution.md §15): from a clue to a court. Its case (business_case, the same number) carries events and evidence;
-- terms, source and money are asked for by day and branch, which a case cannot hold.
CREATE TABLE enforcement (
  centre_id      smallint NOT NULL,
  enforcement_id bigint   NOT NULL,         -- also its case
  employer_id    bigint   NOT NULL,
  branch_id      smallint NOT NULL,
  source         smallint NOT NULL CHECK (source BETWEEN 1 AND 4),  -- 1 a month that is due, 2 an employee's complaint, 3 head count, 4 registered late
  state          smallint NOT NULL CHECK (state BETWEEN 1 AND 8),   -- 1 clue, 2 notice, 3 filed, 4 ordered, 5 court, 6 fine, 7 suspended, 8 closed
  from_month     integer,
  to_month       integer,
  gap            integer,                   -- head count: people that are missing
  complaint_id   bigint,                    -- the complaint's case; never shown to the employer
  no_account     boolean  NOT NULL DEFAULT false,   -- whoever complained has no account at the employer (Art. 37)
  opened_on      date     NOT NULL,
  since          date     NOT NULL,         -- of its state
  term_on        date,                      -- the last day of the state's term
  PRIMARY KEY (centre_id, enforcement_id)
);
-- One clue for one thing, however often the night runs.
CREATE UNIQUE INDEX enforcement_live ON enforcement (centre_id, employer_id, source, coalesce(complaint_id, 0)) WHERE state <> 8;
CREATE INDEX enforcement_state ON enforcement (centre_id, state, enforcement_id);                 -- the list of the centre
CREATE INDEX enforcement_branch ON enforcement (centre_id, branch_id, state, enforcement_id);     -- the list of a branch
CREATE INDEX enforcement_employer ON enforcement (centre_id, employer_id, enforcement_id);        -- an employer's, and whether it was closed lately

-- 文书: each step with its paper, its evidence and its officers. A case's event is one line; a paper is drawn again from what stands here.
CREATE TABLE enforcement_step (
  centre_id      smallint NOT NULL,
  step_id        bigint   NOT NULL,
  enforcement_id bigint   NOT NULL,
  kind           smallint NOT NULL,         -- see business::contribution::enforcement::Kind
  document_no    text     NOT NULL,         -- empty where the step has no paper
  state          smallint NOT NULL CHECK (state IN (1, 2, 3)),   -- 1 waits for the second officer, 2 done, 3 sent back
  maker_id       bigint   NOT NULL,         -- 0: the system; a clerk where the employer speaks
  made_at        timestamptz NOT NULL,
  checker_id     bigint,
  checked_at     timestamptz,
  answer         text,                      -- the second officer's words
  issued_on      date,
  term_on        date,
  amount_fen     bigint,
  evidence       text     NOT NULL,         -- what it stands on
  paper          jsonb    NOT NULL,         -- title, paragraphs, rows as printed; names masked
  PRIMARY KEY (centre_id, step_id),
  CHECK (checker_id IS NULL OR checker_id <> maker_id)
);
CREATE INDEX enforcement_step_of ON enforcement_step (centre_id, enforcement_id, step_id);
CREATE UNIQUE INDEX enforcement_step_waits ON enforcement_step (centre_id, enforcement_id) WHERE state = 1;
CREATE UNIQUE INDEX enforcement_document ON enforcement_step (centre_id, document_no) WHERE document_no <> '';

-- 责令补缴: the amount of each person and month in a decision, and what had been paid for it before.
CREATE TABLE enforcement_line (
  centre_id      smallint NOT NULL,
  enforcement_id bigint   NOT NULL,
  account_id     bigint   NOT NULL,
  month          integer  NOT NULL,
  person_id      bigint   NOT NULL,
  employer_fen   bigint   NOT NULL CHECK (employer_fen >= 0),
  employee_fen   bigint   NOT NULL CHECK (employee_fen >= 0),
  paid_before    bigint   NOT NULL,
  PRIMARY KEY (centre_id, enforcement_id, account_id, month)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON enforcement, enforcement_step, enforcement_line TO anju_app;
    GRANT DELETE ON enforcement_line TO anju_app;     -- amounts that the employer's statement has changed, before they are ordered
  END IF;
END $$;
