-- Business environment (营商环境): what contributing costs an employer in ratio, hours and payments, from its real cases.

-- Active time of a session that no case has taken yet; gaps of more than ten minutes are not counted.
ALTER TABLE session ADD COLUMN work_seconds integer NOT NULL DEFAULT 0;

-- The time of each case that an employer's own clerk submitted. A row of its own beside business_case, which every withdrawal writes and
-- which says nothing of people at their screens.
CREATE TABLE employer_time (
  centre_id   smallint NOT NULL,
  employer_id bigint   NOT NULL,
  month       integer  NOT NULL,            -- of the submission
  case_id     bigint   NOT NULL,
  branch_id   smallint NOT NULL,            -- that keeps it
  seconds     integer  NOT NULL,
  PRIMARY KEY (centre_id, employer_id, month, case_id)      -- an employer's year
);
CREATE INDEX employer_time_month ON employer_time (centre_id, month, branch_id);   -- a month of the centre or of a branch

-- Sums of a list's lines, so that a year of a centre is read from its lists; a list that was registered before has none and is summed
-- from its lines.
ALTER TABLE remittance
  ADD COLUMN base_fen bigint,
  ADD COLUMN employer_fen bigint;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON employer_time TO anju_app;
  END IF;
END $$;
