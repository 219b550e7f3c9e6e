-- The life of a policy change (政策变更): draft, simulated, second person, effective date; what its simulation found.

-- Not policy_version, whose rows are what decisions name: a draft changes daily, may have mistakes, and most are never in force. Not
-- business_case: a change has no applicant, and a case's decision is what it would alter.
CREATE TABLE policy_change (
  centre_id    smallint NOT NULL,
  change_id    bigint   NOT NULL,
  title        text     NOT NULL,
  base_id      integer  NOT NULL,           -- policy_version from which it was drafted
  files        jsonb    NOT NULL,           -- path to text, of the files that differ from the base
  digest       text     NOT NULL,           -- of all files with these in place: what is simulated and approved
  faults       jsonb    NOT NULL,           -- the loader's mistakes, in words; empty: it may be simulated
  differences  jsonb    NOT NULL,           -- before and after, in words
  state        smallint NOT NULL CHECK (state BETWEEN 1 AND 6),  -- 1 draft, 2 waits for the second person, 3 approved, 4 in force, 5 withdrawn, 6 taken over by a later one
  revision     integer  NOT NULL,           -- guard of a write
  notice       text     NOT NULL,           -- 公告, as last edited; empty: not drafted yet
  effective_on date,                        -- from when, as proposed and approved
  makers       bigint[] NOT NULL,           -- all who have worked on it, the last one last: nobody checks his own work
  made_at      timestamptz NOT NULL,
  checker_id   bigint,
  checked_at   timestamptz,
  policy_id    integer,                     -- policy_version, once approved
  PRIMARY KEY (centre_id, change_id),
  CHECK (checker_id IS NULL OR checker_id <> ALL (makers)),
  CHECK (state NOT IN (3, 4) OR (effective_on IS NOT NULL AND policy_id IS NOT NULL AND checker_id IS NOT NULL))
);
-- Asked each second by every node: what is in force, what will be.
CREATE INDEX policy_change_force ON policy_change (centre_id, effective_on) WHERE state IN (3, 4, 6);
-- One waits for its day at a time: the next is drafted from what will be in force.
CREATE UNIQUE INDEX policy_change_next ON policy_change (centre_id) WHERE state = 3;

-- Not case_event, which belongs to cases: the steps of a change, each with its evidence leaf (kind 4).
CREATE TABLE policy_change_step (
  centre_id smallint NOT NULL,
  change_id bigint   NOT NULL,
  seq       smallint NOT NULL,
  at        timestamptz NOT NULL,
  actor_id  bigint   NOT NULL,              -- 0: the system
  step      text     NOT NULL,
  detail    jsonb    NOT NULL,
  PRIMARY KEY (centre_id, change_id, seq)
);

CREATE TABLE policy_simulation (            -- one run over the population
  centre_id     smallint NOT NULL,
  simulation_id bigint   NOT NULL,
  change_id     bigint   NOT NULL,
  digest        text     NOT NULL,          -- of the draft that was tried
  base_id       integer  NOT NULL,
  stand_on      date     NOT NULL,          -- both versions as they stand on this day
  since         timestamptz NOT NULL,       -- cases begun from here on
  until         timestamptz NOT NULL,
  services      text[]   NOT NULL,          -- what decides otherwise
  state         smallint NOT NULL CHECK (state IN (1, 2, 3)),   -- 1 runs, 2 done, 3 failed
  after_case    bigint   NOT NULL,          -- the mark: a run that was interrupted goes on from here
  total         bigint   NOT NULL,          -- cases to decide again; 0 until they are counted
  done          bigint   NOT NULL DEFAULT 0,
  error         text     NOT NULL DEFAULT '',
  maker_id      bigint   NOT NULL,
  made_at       timestamptz NOT NULL,
  ended_at      timestamptz,
  PRIMARY KEY (centre_id, simulation_id)
);
CREATE INDEX policy_simulation_change ON policy_simulation (centre_id, change_id, simulation_id);    -- the newest of a change
CREATE INDEX policy_simulation_runs ON policy_simulation (centre_id, simulation_id) WHERE state = 1; -- what the engine goes on with

CREATE TABLE policy_simulation_line (       -- a case that comes out otherwise; what comes out the same has no row
  centre_id     smallint NOT NULL,
  simulation_id bigint   NOT NULL,
  person_id     bigint   NOT NULL,
  case_id       bigint   NOT NULL,
  service       text     NOT NULL,
  district      text     NOT NULL,
  band          smallint NOT NULL,
  month         integer  NOT NULL,          -- of the case
  was           smallint NOT NULL,          -- 1 approved, 2 refused, 3 not known
  now           smallint NOT NULL,
  was_fen       bigint   NOT NULL,
  now_fen       bigint   NOT NULL,
  PRIMARY KEY (centre_id, simulation_id, person_id, case_id)
);

CREATE TABLE policy_simulation_sum (        -- all cases, also those that come out the same, added up batch by batch
  centre_id     smallint NOT NULL,
  simulation_id bigint   NOT NULL,
  month         integer  NOT NULL,
  district      text     NOT NULL,
  band          smallint NOT NULL,
  cases         bigint   NOT NULL,
  was_fen       bigint   NOT NULL,
  now_fen       bigint   NOT NULL,
  PRIMARY KEY (centre_id, simulation_id, month, district, band)
);

CREATE TABLE policy_simulation_reach (      -- a condition asked of every account at once, where our books hold all that it reads
  centre_id     smallint NOT NULL,
  simulation_id bigint   NOT NULL,
  service       text     NOT NULL,
  code          text     NOT NULL,
  district      text     NOT NULL,
  band          smallint NOT NULL,
  people        bigint   NOT NULL,
  was           bigint   NOT NULL,          -- of them those who meet it
  now           bigint   NOT NULL,
  newly         bigint   NOT NULL,          -- did not meet it, and will
  no_longer     bigint   NOT NULL,
  PRIMARY KEY (centre_id, simulation_id, service, code, district, band)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT, UPDATE ON policy_change, policy_simulation, policy_simulation_sum TO anju_app;
    GRANT SELECT, INSERT ON policy_change_step, policy_simulation_line, policy_simulation_reach TO anju_app;
  END IF;
END $$;
