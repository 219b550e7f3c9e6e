-- Relief of employers (缓缴、降低缴存比例, contribution.md §10).
--
-- A case ends when it is decided; what was approved then lives for months of its own (running, being made up, closed, breached) and is asked
-- for by employer and by day, so that neither the case nor the employer's row can hold it.
CREATE TABLE arrangement (
  centre_id      smallint NOT NULL,
  arrangement_id bigint   NOT NULL,          -- the case that approved it
  employer_id    bigint   NOT NULL,
  branch_id      smallint NOT NULL,
  kind           smallint NOT NULL CHECK (kind IN (1, 2)),       -- 1 deferral 缓缴, 2 lower ratio 降比
  policy         text     NOT NULL,          -- none, or the phase policy it was declared under
  state          smallint NOT NULL CHECK (state IN (0, 1, 2, 3, 4)),  -- 0 approved, 1 running, 2 repaying, 3 closed, 4 breached
  from_month     integer  NOT NULL,
  to_month       integer  NOT NULL,          -- the last month; moved by an early resume
  drawn_to       integer  NOT NULL,          -- deferral: the last month whose lines are drawn
  people         integer  NOT NULL,
  monthly_fen    bigint   NOT NULL,          -- relief of a month when it was approved
  ratio_bp       integer,                    -- lower ratio: during it
  before_employer_bp integer,                -- lower ratio: what returns
  before_employee_bp integer,
  plan_months    integer  NOT NULL DEFAULT 0,
  plan_from      integer,                    -- deferral: the month of the first instalment; known from the end on
  next_due       date,                       -- deferral: the next day that the plan is compared with what was paid
  total_fen      bigint   NOT NULL DEFAULT 0,    -- deferral: what is to be made up by the plan; known from the end on
  approved_at    timestamptz NOT NULL,
  ended_at       timestamptz,
  PRIMARY KEY (centre_id, arrangement_id),
  CHECK (to_month >= from_month - 1)
);
CREATE INDEX arrangement_employer ON arrangement (centre_id, employer_id, arrangement_id);   -- an employer's own
CREATE INDEX arrangement_live ON arrangement (centre_id, state, arrangement_id) WHERE state IN (0, 1, 2);   -- what its day moves
CREATE INDEX arrangement_report ON arrangement (centre_id, kind, policy, arrangement_id);    -- the relief report

-- 缓缴月份: what each person's deferred month owes, by the base and ratio of that month. The list of a month is not written for it, since no
-- money is asked for; bases change before it is made up.
CREATE TABLE deferred_month (
  centre_id      smallint NOT NULL,
  account_id     bigint   NOT NULL,
  month          integer  NOT NULL,
  arrangement_id bigint   NOT NULL,
  employer_id    bigint   NOT NULL,
  person_id      bigint   NOT NULL,
  base_fen       bigint   NOT NULL,
  employer_fen   bigint   NOT NULL,
  employee_fen   bigint   NOT NULL,
  paid_by        bigint,                     -- the back payment that made it up
  PRIMARY KEY (centre_id, account_id, month)         -- a person's months: continuity, leaving
);
CREATE INDEX deferred_month_owed ON deferred_month (centre_id, arrangement_id, month) WHERE paid_by IS NULL;  -- what is still owed, oldest first
CREATE INDEX deferred_month_of ON deferred_month (centre_id, arrangement_id, month);        -- a month that is resumed in time

-- What an arrangement relieved in a month: few rows that the report adds, instead of everybody's lines.
CREATE TABLE arrangement_month (
  centre_id      smallint NOT NULL,
  arrangement_id bigint   NOT NULL,
  month          integer  NOT NULL,
  people         integer  NOT NULL,
  relief_fen     bigint   NOT NULL,
  PRIMARY KEY (centre_id, arrangement_id, month)
);
CREATE INDEX arrangement_month_of ON arrangement_month (centre_id, month, arrangement_id);   -- the relief report, by month

-- Months that need no list (REMIT-01). Expand: the program before this one knows no deferral.
ALTER TABLE employer
  ADD COLUMN deferred_from integer,
  ADD COLUMN deferred_through integer;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON arrangement, deferred_month, arrangement_month TO anju_app;
    -- A month that is resumed before it is over was never deferred.
    GRANT DELETE ON deferred_month, arrangement_month TO anju_app;
  END IF;
END $$;
