-- What a draft with other limits of base or ratio comes to each month. The sums and lines of 0115 are about cases that were decided, by the
-- month of the case; this is about people who contribute, by what they will contribute, and nobody asked for anything.
CREATE TABLE policy_simulation_levy (       -- everybody who contributes, added up by where and how much
  centre_id     smallint NOT NULL,
  simulation_id bigint   NOT NULL,
  district      text     NOT NULL,
  band          smallint NOT NULL,
  people        bigint   NOT NULL,
  below_was     bigint   NOT NULL,          -- base below the lower limit in force
  below_now     bigint   NOT NULL,          -- and below that of the draft
  above_was     bigint   NOT NULL,          -- base above the upper limit in force
  above_now     bigint   NOT NULL,
  up            bigint   NOT NULL,          -- people who will contribute more
  up_fen        bigint   NOT NULL,          -- both sides together, a month
  down          bigint   NOT NULL,
  down_fen      bigint   NOT NULL,          -- negative
  capped        bigint   NOT NULL,          -- at the upper limit in force, which the draft raises: what they earn beyond it nobody has told
  capped_fen    bigint   NOT NULL,          -- the most that it can come to
  was_fen       bigint   NOT NULL,
  now_fen       bigint   NOT NULL,
  PRIMARY KEY (centre_id, simulation_id, district, band)
);

CREATE TABLE policy_simulation_employer (   -- employers some of whose people will contribute more or less
  centre_id     smallint NOT NULL,
  simulation_id bigint   NOT NULL,
  employer_id   bigint   NOT NULL,
  district      text     NOT NULL,
  people        bigint   NOT NULL,          -- whose contribution changes
  was_fen       bigint   NOT NULL,          -- of these people, a month
  now_fen       bigint   NOT NULL,
  PRIMARY KEY (centre_id, simulation_id, employer_id)
);

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON policy_simulation_levy, policy_simulation_employer TO anju_app;
  END IF;
END $$;
